package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/api"
)

// Users from their first to their last day, by an admin who is elsewhere.
func TestUsersThroughServer(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	p.ok("group", "add", g)
	admin := p.remote("admin")
	status, out, stderr := admin.typed("correct horse battery\n", "user", "add", "alice", "--role", "admin", "--display-name", "Alice A.")
	require.Zero(t, status, stderr)
	require.Equal(t, "Added user alice: admin of all groups.\n", out)
	status, out, stderr = admin.typed("staple correct horse", "user", "add", "bob", "--role", "operator", "--group", g)
	require.Zero(t, status, stderr)
	require.Equal(t, "Added user bob: operator of "+g+".\n", out)
	status, _, stderr = admin.typed("short\n", "user", "add", "eve", "--role", "viewer")
	require.Equal(t, exitUsage, status, stderr)
	require.Contains(t, admin.fails(exitRefused, "user", "add", "bob", "--role", "viewer"), "here is already a user bob")
	require.Equal(t, p.ok("user", "list", "--json"), admin.ok("user", "list", "--json"))
	require.Contains(t, admin.ok("user", "list"), "Alice A.")

	secret, err := p.store.StartSession(t.Context(), "bob", catalog.SignIn{IP: "::1", At: time.Now()})
	require.NoError(t, err)
	signedIn := func() bool {
		t.Helper()
		_, found, err := p.store.SessionPrincipal(t.Context(), secret, time.Now())
		require.NoError(t, err)
		return found
	}
	require.True(t, signedIn())
	status, out, stderr = admin.typed("another password\n", "user", "passwd", "bob")
	require.Zero(t, status, stderr)
	require.Equal(t, "Changed the password of bob; all sessions of the user ended.\n", out)
	require.False(t, signedIn())
	hash, err := p.store.BeginSignIn(t.Context(), "bob", "::1", time.Now())
	require.NoError(t, err)
	ok, _, err := access.NewPasswords().Verify(t.Context(), hash, "another password")
	require.NoError(t, err)
	require.True(t, ok)

	require.Equal(t, "Changed user bob: restorer of all groups.\n", admin.ok("user", "edit", "bob", "--role", "restorer"))
	require.Contains(t, admin.fails(exitRefused, "user", "disable", "alice"), "last admin")
	require.Equal(t, "bob cannot sign in any more; all sessions ended.\n", admin.ok("user", "disable", "bob"))
	require.Equal(t, "bob can sign in.\n", admin.ok("user", "enable", "bob"))
	require.Contains(t, admin.fails(exitRefused, "user", "rm", "bob"), "Say --yes")
	require.Equal(t, "Removed user bob.\n", admin.ok("user", "rm", "bob", "--yes"))
	admin.fails(exitNotFound, "user", "rm", "bob", "--yes")
	changes, err := p.store.Audit(t.Context(), "bob", 20)
	require.NoError(t, err)
	var actions []string
	for _, c := range changes {
		if c.Action == "session.start" {
			continue
		}
		actions = append(actions, c.Action)
		require.Regexp(t, `^token .* \(api\)$`, c.Actor, c.Action)
		require.NotContains(t, string(c.Detail), "password")
	}
	require.Equal(t, []string{"user.remove", "user.enable", "user.disable", "user.edit", "user.password", "user.add"}, actions)
}

// No token makes one that may more than itself, or that outlives its owner.
func TestTokensThroughServer(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	p.ok("group", "add", g)
	admin := p.remote("admin")
	status, out, stderr := admin.run("token", "add", "ci", "--role", "viewer:"+g, "--expires", "30d")
	require.Zero(t, status, stderr)
	require.Contains(t, stderr, "Token ci: viewer of "+g)
	who, found, err := p.store.TokenPrincipal(t.Context(), strings.TrimSpace(out), "::1", time.Now())
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, access.Grants{{Role: access.Viewer, Group: g}}, who.Grants)
	require.Nil(t, who.Owner, "it stands for itself")
	listed := admin.ok("token", "list", "--json")
	require.Contains(t, listed, `"ci"`)
	require.NotContains(t, listed, strings.TrimSpace(out))
	require.Contains(t, admin.fails(exitUsage, "token", "add", "more", "--role", "viewer", "--expires", "9000d"), "within three years")

	for _, role := range []string{"admin:" + g, "operator", "viewer"} {
		other := p.remote(role)
		other.fails(exitRefused, "token", "list")
		other.fails(exitRefused, "token", "add", "more", "--role", "viewer:"+g)
		other.fails(exitRefused, "token", "rm", "ci", "--yes")
		other.fails(exitRefused, "user", "list")
		status, _, stderr := other.typed("correct horse battery\n", "user", "add", "eve", "--role", "viewer:"+g)
		require.Equal(t, exitRefused, status, stderr)
	}

	// The token of a user makes tokens of that user.
	for _, name := range []string{"alice", "bob"} {
		status, _, stderr := p.typed("correct horse battery\n", "user", "add", name, "--role", "admin")
		require.Zero(t, status, stderr)
	}
	owned, err := p.store.AddToken(t.Context(), catalog.NewToken{
		Name: "hers", User: "alice", Grants: access.Grants{{Role: access.AdminRole}}, ExpiresAt: time.Now().Add(time.Hour),
	}, time.Now())
	require.NoError(t, err)
	hers := *admin
	hers.environ = append(append([]string{}, admin.environ...), "PLANB_TOKEN="+owned)
	var made api.TokenMade
	status, out, stderr = hers.run("token", "add", "next", "--role", "admin", "--json")
	require.Zero(t, status, stderr)
	require.NoError(t, json.NewDecoder(bytes.NewReader([]byte(out))).Decode(&made))
	require.EqualValues(t, "alice", made.User)
	require.Contains(t, hers.fails(exitRefused, "token", "add", "third", "--role", "viewer", "--user", "bob"), "tokens of no other user")
	require.Contains(t, hers.fails(exitRefused, "user", "disable", "alice"), "cannot disable yourself")
	p.ok("user", "disable", "alice")
	_, found, err = p.store.TokenPrincipal(t.Context(), made.Token, "::1", time.Now())
	require.NoError(t, err)
	require.False(t, found)
	require.Equal(t, "Removed token ci.\n", admin.ok("token", "rm", "ci", "--yes"))
	admin.fails(exitNotFound, "token", "rm", "ci", "--yes")
}
