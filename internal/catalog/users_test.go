package catalog_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

const someHash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func addUser(t *testing.T, s *catalog.Store, name string, grants ...access.Grant) catalog.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), catalog.NewUser{Name: name, Grants: grants, PasswordHash: someHash})
	require.NoError(t, err)
	return u
}

// A role for a group goes with the group; it never becomes one for all.
func TestRolesGoWithTheirGroup(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	_, err := s.EnsureGroup(t.Context(), "acme")
	require.NoError(t, err)
	addUser(t, s, "bob", access.Grant{Role: access.AdminRole, Group: "acme"})
	secret, err := s.AddToken(t.Context(), catalog.NewToken{Name: "ci", Grants: access.Grants{{Role: access.AdminRole, Group: "acme"}}, ExpiresAt: time.Now().Add(time.Hour)}, time.Now())
	require.NoError(t, err)
	require.NoError(t, s.RenameGroup(t.Context(), "acme", "apex"))
	u, err := s.User(t.Context(), "bob")
	require.NoError(t, err)
	require.Equal(t, access.Grants{{Role: access.AdminRole, Group: "apex"}}, u.Grants)
	require.NoError(t, s.RemoveGroup(t.Context(), "apex"))
	u, err = s.User(t.Context(), "bob")
	require.NoError(t, err)
	require.Empty(t, u.Grants)
	p, found, err := s.TokenPrincipal(t.Context(), secret, "::1", time.Now())
	require.NoError(t, err)
	require.True(t, found)
	require.False(t, p.May(access.View, access.Anything()))
}

func TestLastAdminsCannotRemoveEachOther(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	admin := access.Grant{Role: access.AdminRole}
	addUser(t, s, "alice", admin)
	addUser(t, s, "bob", admin)
	var refused atomic.Int32
	var wg sync.WaitGroup
	for _, name := range []string{"alice", "bob"} {
		wg.Go(func() {
			if err := s.RemoveUser(t.Context(), name); catalog.IsRefused(err) {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, refused.Load())
	users, err := s.Users(t.Context())
	require.NoError(t, err)
	require.Len(t, users, 1)
}

func TestFirstUserIsAddedOnce(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	var added atomic.Int32
	var wg sync.WaitGroup
	for _, name := range []string{"alice", "bob", "carol"} {
		wg.Go(func() {
			did, err := s.AddFirstUser(t.Context(), catalog.NewUser{Name: name, PasswordHash: someHash})
			if err != nil {
				t.Error(err)
			}
			if did {
				added.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, added.Load())
}

// Many tries at once get no further than one after the other.
func TestTriesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addUser(t, s, "alice")
	now := time.Now()
	var tried, locked atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := s.BeginSignIn(t.Context(), "alice", "192.0.2.1", now)
			switch {
			case err == nil:
				tried.Add(1)
			case catalog.IsLocked(err):
				locked.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, catalog.AttemptsOfUserAtIP, tried.Load())
	require.EqualValues(t, 40-catalog.AttemptsOfUserAtIP, locked.Load())
	// Another address is not locked, nor is another user there.
	for _, other := range [][2]string{{"alice", "192.0.2.2"}, {"bob", "192.0.2.1"}} {
		_, err := s.BeginSignIn(t.Context(), other[0], other[1], now)
		require.NoError(t, err)
	}
	_, err := s.SetUserEnabled(t.Context(), "alice", true)
	require.NoError(t, err)
	_, err = s.BeginSignIn(t.Context(), "alice", "192.0.2.1", now)
	require.NoError(t, err, "an admin forgets what failed")
}

// Neither table holds what opens a session or stands for a token.
func TestSecretsAreKeptAsHashes(t *testing.T) {
	t.Parallel()
	u := catalogtest.URL(t)
	_, _, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	s, err := catalog.Open(t.Context(), u)
	require.NoError(t, err)
	defer s.Close()
	addUser(t, s, "alice", access.Grant{Role: access.AdminRole})
	session, err := s.StartSession(t.Context(), "alice", catalog.SignIn{IP: "::1", Agent: "\xff\xfe", At: time.Now()})
	require.NoError(t, err)
	token, err := s.AddToken(t.Context(), catalog.NewToken{Name: "ci", User: "alice", Grants: access.Grants{{Role: access.Viewer}}, ExpiresAt: time.Now().Add(time.Hour)}, time.Now())
	require.NoError(t, err)
	for _, secret := range []string{session, token} {
		for _, table := range []string{"sessions", "tokens", "audit", "users"} {
			require.NoError(t, try(t, u, `do $$ begin if exists (select from `+table+` t where t::text like '%`+secret+`%') then raise 'found'; end if; end $$`), table)
		}
	}
	_, found, err := s.SessionPrincipal(t.Context(), token, time.Now())
	require.NoError(t, err)
	require.False(t, found, "a token opens no session")
	_, found, err = s.TokenPrincipal(t.Context(), session, "::1", time.Now())
	require.NoError(t, err)
	require.False(t, found)
	require.Error(t, try(t, u, `insert into users (name, password_hash) values ('eve', 'secret')`), "no password is kept as it is")
	require.Error(t, try(t, u, `insert into users (name, password_hash) values ('Eve', '`+someHash+`')`))
	require.Error(t, try(t, u, `insert into grants (role) values ('admin')`))
}

func TestSessionOfAnotherIsNotEnded(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addUser(t, s, "alice")
	addUser(t, s, "bob")
	now := time.Now()
	secret, err := s.StartSession(t.Context(), "alice", catalog.SignIn{IP: "::1", At: now})
	require.NoError(t, err)
	list, err := s.Sessions(t.Context(), "alice", now)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, s.EndSession(t.Context(), "bob", list[0].ID))
	_, found, err := s.SessionPrincipal(t.Context(), secret, now)
	require.NoError(t, err)
	require.True(t, found)
	require.NoError(t, s.EndSession(t.Context(), "alice", list[0].ID))
	_, found, err = s.SessionPrincipal(t.Context(), secret, now)
	require.NoError(t, err)
	require.False(t, found)
}

func TestTokenOfAnotherIsNotRemoved(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addUser(t, s, "alice")
	addUser(t, s, "bob")
	_, err := s.AddToken(t.Context(), catalog.NewToken{Name: "ci", User: "alice", Grants: access.Grants{{Role: access.Viewer}}, ExpiresAt: time.Now().Add(time.Hour)}, time.Now())
	require.NoError(t, err)
	require.True(t, catalog.IsNotFound(s.RemoveToken(t.Context(), "ci", "bob")))
	require.True(t, catalog.IsNotFound(s.RemoveToken(t.Context(), "ci", "nobody")))
	require.NoError(t, s.RemoveToken(t.Context(), "ci", "alice"))
}
