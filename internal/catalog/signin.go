package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/access"
)

// How many sign-ins may fail within AttemptWindow before more are refused. The
// last bounds guessing from many addresses at once.
const (
	AttemptWindow      = 15 * time.Minute
	AttemptsOfUserAtIP = 5
	AttemptsOfIP       = 30
	AttemptsOfUser     = 100
)

// LockedError is a sign-in that is refused without a look at the password,
// because too many failed.
type LockedError struct {
	// Until is when the next may be tried.
	Until time.Time
}

// Error says how long to wait.
func (e *LockedError) Error() string {
	return fmt.Sprintf("too many sign-ins failed: try again after %s UTC, or have an admin run planb user enable", e.Until.UTC().Format("15:04"))
}

// IsLocked says whether err is a sign-in refused because too many failed.
func IsLocked(err error) bool { return is[*LockedError](err) }

// BeginSignIn counts a sign-in as failed before the password is looked at, so
// that many at once cannot outrun the count; StartSession forgets it. It gives
// the hash of the user's password, empty when there is no such user or it is
// disabled, or a LockedError.
func (s *Store) BeginSignIn(ctx context.Context, user, ip string, now time.Time) (hash string, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('planb sign-in'))`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from sign_in_attempts where at <= $1`, now.Add(-AttemptWindow)); err != nil {
			return err
		}
		var until *time.Time
		// The n-th newest failure of a kind is the one that has to grow old.
		err := tx.QueryRow(ctx, `select max(at) from (
			(select at from sign_in_attempts where user_name = $1 and ip = $2 order by at desc offset $3 - 1 limit 1) union all
			(select at from sign_in_attempts where ip = $2 order by at desc offset $4 - 1 limit 1) union all
			(select at from sign_in_attempts where user_name = $1 order by at desc offset $5 - 1 limit 1)) oldest`,
			user, ip, AttemptsOfUserAtIP, AttemptsOfIP, AttemptsOfUser).Scan(&until)
		if err != nil {
			return err
		}
		if until != nil {
			return &LockedError{until.Add(AttemptWindow)}
		}
		if _, err := tx.Exec(ctx, `insert into sign_in_attempts (user_name, ip, at) values ($1, $2, $3)`, user, ip, now); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `select password_hash from users where name = $1 and not disabled`, user).Scan(&hash)
		if noRow(err) {
			return nil
		}
		return err
	})
	return hash, err
}

// NoteFailedSignIn writes a failed sign-in to the audit log.
func (s *Store) NoteFailedSignIn(ctx context.Context, user, ip string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		return audit(WithActor(ctx, "nobody (web)"), tx, "session.refuse", user, map[string]string{"ip": ip})
	})
}

// EndSignIn forgets the failures of a user at an address after a right password
// that starts no session: one given with each request.
func (s *Store) EndSignIn(ctx context.Context, user, ip string) error {
	_, err := s.pool.Exec(ctx, `delete from sign_in_attempts where user_name = $1 and ip = $2`, user, ip)
	return s.explain(err)
}

// RenewPasswordHash replaces a hash by one of the same password at today's cost.
func (s *Store) RenewPasswordHash(ctx context.Context, user, old, hash string) error {
	_, err := s.pool.Exec(ctx, `update users set password_hash = $3 where name = $1 and password_hash = $2`, user, old, hash)
	return s.explain(err)
}

func forgetAttempts(ctx context.Context, tx pgx.Tx, user string) error {
	_, err := tx.Exec(ctx, `delete from sign_in_attempts where user_name = $1`, user)
	return err
}

// UserPrincipal gives a user as somebody who sends the password with each
// request, and the hash of that password; found is false when there is no such
// user or it is disabled.
func (s *Store) UserPrincipal(ctx context.Context, name string) (p access.Principal, hash string, found bool, err error) {
	type row struct {
		principalRow
		PasswordHash string
	}
	list, err := rows[row](ctx, s.pool, `select u.id::text as id, u.name, u.display_name, '' as key, null::timestamptz as seen_at,`+
		grantsOfUser+` as grants, null::jsonb as owner, u.password_hash from users u where u.name = $1 and not u.disabled`, name)
	if err != nil || len(list) == 0 {
		return p, "", false, s.explain(err)
	}
	u := list[0]
	return access.Principal{UserID: u.ID, Name: u.Name, DisplayName: u.DisplayName, Grants: u.Grants}, u.PasswordHash, true, nil
}
