package catalog

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/access"
)

// Session is one sign-in that has not ended.
type Session struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"`
	IP        string    `json:"ip"`
	// Agent is what the browser says that it is.
	Agent string `json:"agent"`
}

// How long sessions last: IdleSession since the last request, WholeSession
// since the sign-in.
const (
	IdleSession  = 12 * time.Hour
	WholeSession = 7 * 24 * time.Hour
	// seenEvery is how often it is written down that a session is in use.
	seenEvery = time.Minute
	// longestAgent bounds what a browser may have us keep.
	longestAgent = 200
)

// SignIn is where a sign-in comes from.
type SignIn struct {
	IP, Agent string
	At        time.Time
	// Old is the secret of a session that the same browser had; it ends.
	Old string
}

// StartSession begins a session of the user and gives its secret, of which
// only the hash is kept. The sign-ins that failed for that user from that
// address are forgotten.
func (s *Store) StartSession(ctx context.Context, user string, in SignIn) (secret string, err error) {
	secret = access.NewSecret()
	err = s.tx(ctx, func(tx pgx.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `update users set last_sign_in = $2 where name = $1 and not disabled returning id::text`, user, in.At).Scan(&id)
		if noRow(err) {
			return userNotFound(user)
		}
		if err != nil {
			return err
		}
		if in.Old != "" {
			if _, err := tx.Exec(ctx, `delete from sessions where hash = $1`, access.HashSecret(in.Old)); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `delete from sessions where expires_at <= $1 or seen_at <= $2`, in.At, in.At.Add(-IdleSession)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from sign_in_attempts where user_name = $1 and ip = $2`, user, in.IP); err != nil {
			return err
		}
		agent := []rune(strings.ToValidUTF8(in.Agent, "?"))
		_, err = tx.Exec(ctx, `insert into sessions (hash, user_id, created_at, seen_at, expires_at, ip, agent) values ($1, $2::uuid, $3, $3, $4, $5, $6)`,
			access.HashSecret(secret), id, in.At, in.At.Add(WholeSession), in.IP, string(agent[:min(len(agent), longestAgent)]))
		if err != nil {
			return err
		}
		return audit(WithActor(ctx, user+" (web)"), tx, "session.start", user, map[string]string{"ip": in.IP})
	})
	return secret, err
}

// principalRow is who a session or token stands for.
type principalRow struct {
	ID, Name, DisplayName string
	Grants, Owner         access.Grants
	// Key is the id of the session or the name of the token.
	Key    string
	SeenAt *time.Time
}

// SessionPrincipal gives whose session it is that secret opens at the time
// now; found is false when there is none, it has ended, or its user is disabled.
func (s *Store) SessionPrincipal(ctx context.Context, secret string, now time.Time) (p access.Principal, found bool, err error) {
	if secret == "" {
		return p, false, nil
	}
	hash := access.HashSecret(secret)
	list, err := rows[principalRow](ctx, s.pool, `select u.id::text as id, u.name, u.display_name, s.id::text as key, s.seen_at,`+
		grantsOfUser+` as grants, null::jsonb as owner
		from sessions s join users u on u.id = s.user_id
		where s.hash = $1 and not u.disabled and s.expires_at > $2 and s.seen_at > $3`, hash, now, now.Add(-IdleSession))
	if err != nil || len(list) == 0 {
		return p, false, s.explain(err)
	}
	row := list[0]
	if now.Sub(*row.SeenAt) >= seenEvery {
		if _, err := s.pool.Exec(ctx, `update sessions set seen_at = greatest(seen_at, $2) where hash = $1`, hash, now); err != nil {
			return p, false, s.explain(err)
		}
	}
	return access.Principal{UserID: row.ID, Name: row.Name, DisplayName: row.DisplayName, Session: row.Key, Grants: row.Grants}, true, nil
}

// Sessions gives the open sessions of a user at the time now, the latest used
// first.
func (s *Store) Sessions(ctx context.Context, user string, now time.Time) ([]Session, error) {
	found, err := rows[Session](ctx, s.pool, `select s.id::text as id, s.created_at, s.seen_at, s.expires_at, s.ip, s.agent
		from sessions s join users u on u.id = s.user_id
		where u.name = $1 and s.expires_at > $2 and s.seen_at > $3 order by s.seen_at desc, s.id`, user, now, now.Add(-IdleSession))
	return found, s.explain(err)
}

// EndSession ends the session of that id, if it is one of the user's.
func (s *Store) EndSession(ctx context.Context, user, id string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from sessions s using users u where u.id = s.user_id and u.name = $1 and s.id::text = $2`, user, id)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, "session.end", user, nil)
	})
}

// EndSessions ends the sessions of a user but the one with the id except,
// which may be empty.
func (s *Store) EndSessions(ctx context.Context, user, except string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		u, err := getUser(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := endSessions(ctx, tx, u.ID, except); err != nil {
			return err
		}
		return audit(ctx, tx, "session.end", user, map[string]bool{"all": true})
	})
}

func endSessions(ctx context.Context, tx pgx.Tx, userID, except string) error {
	_, err := tx.Exec(ctx, `delete from sessions where user_id = $1::uuid and id::text <> $2`, userID, except)
	return err
}
