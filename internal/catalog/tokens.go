package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/access"
)

// Token lets a program use the API.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// User owns the token and bounds what it may do; empty for one that stands
	// for itself.
	User       Text          `json:"user"`
	Grants     access.Grants `json:"grants"`
	CreatedAt  time.Time     `json:"created_at"`
	ExpiresAt  time.Time     `json:"expires_at"`
	LastUsedAt *time.Time    `json:"last_used_at"`
	LastUsedIP Text          `json:"last_used_ip"`
}

const selectToken = `select t.id::text as id, t.name, coalesce(u.name, '') as "user", t.created_at, t.expires_at,
	t.last_used_at, t.last_used_ip,` + grantsOfToken + ` as grants from tokens t left join users u on u.id = t.user_id`

// LongestToken bounds how long a token lasts.
const LongestToken = 3 * 366 * 24 * time.Hour

// Tokens gives those of one user, or all, by name.
func (s *Store) Tokens(ctx context.Context, user string) ([]Token, error) {
	found, err := rows[Token](ctx, s.pool, selectToken+` where $1 = '' or u.name = $1 order by t.name`, user)
	return found, s.explain(err)
}

// NewToken is what AddToken needs.
type NewToken struct {
	Name string `json:"-"`
	// User owns it; empty makes one that stands for itself.
	User      string        `json:"user,omitempty"`
	Grants    access.Grants `json:"grants"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// AddToken adds a token and gives its secret, of which only the hash is kept.
func (s *Store) AddToken(ctx context.Context, n NewToken, now time.Time) (secret string, err error) {
	if err := access.CheckToken(n.Name); err != nil {
		return "", err
	}
	if !n.ExpiresAt.After(now) || n.ExpiresAt.After(now.Add(LongestToken)) {
		return "", &access.Error{Reason: "a token must end after now and within three years: choose another end"}
	}
	if len(n.Grants) == 0 {
		return "", &access.Error{Reason: "a token needs a role: viewer, operator, restorer or admin"}
	}
	secret = access.NewToken()
	err = s.tx(ctx, func(tx pgx.Tx) error {
		var owner *string
		if n.User != "" {
			u, err := getUser(ctx, tx, n.User)
			if err != nil {
				return err
			}
			owner = &u.ID
		}
		var id string
		err := tx.QueryRow(ctx, `insert into tokens (name, hash, user_id, created_at, expires_at) values ($1, $2, $3::uuid, $4, $5)
			on conflict (name) do nothing returning id::text`, n.Name, access.HashSecret(secret), owner, now, n.ExpiresAt).Scan(&id)
		if noRow(err) {
			return &ExistsError{Kind: "token", Name: n.Name, Hint: "choose another name, or remove it with `planb token rm " + n.Name + "`"}
		}
		if err != nil {
			return err
		}
		if err := setGrants(ctx, tx, grantee{token: &id}, n.Grants); err != nil {
			return err
		}
		return audit(ctx, tx, "token.add", n.Name, n)
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// RemoveToken removes a token; with user, only if it is that user's.
func (s *Store) RemoveToken(ctx context.Context, name, user string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from tokens t where t.name = $1 and ($2 = '' or t.user_id = (select id from users where name = $2))`, name, user)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return &NotFoundError{Kind: "token", Name: name, Hint: "see `planb token list`"}
		}
		return audit(ctx, tx, "token.remove", name, nil)
	})
}

// TokenPrincipal gives what a token stands for at the time now; found is false
// when there is none, it has ended, or its owner is disabled.
func (s *Store) TokenPrincipal(ctx context.Context, secret, ip string, now time.Time) (p access.Principal, found bool, err error) {
	if !access.IsToken(secret) {
		return p, false, nil
	}
	hash := access.HashSecret(secret)
	list, err := rows[principalRow](ctx, s.pool, `select coalesce(u.id::text, '') as id, coalesce(u.name, '') as name,
		coalesce(u.display_name, '') as display_name, t.name as key, t.last_used_at as seen_at,`+grantsOfToken+` as grants,
		case when u.id is not null then`+grantsOfUser+` end as owner
		from tokens t left join users u on u.id = t.user_id
		where t.hash = $1 and t.expires_at > $2 and (u.id is null or not u.disabled)`, hash, now)
	if err != nil || len(list) == 0 {
		return p, false, s.explain(err)
	}
	row := list[0]
	if row.SeenAt == nil || now.Sub(*row.SeenAt) >= seenEvery {
		if _, err := s.pool.Exec(ctx, `update tokens set last_used_at = $2, last_used_ip = $3 where hash = $1`, hash, now, ip); err != nil {
			return p, false, s.explain(err)
		}
	}
	p = access.Principal{UserID: row.ID, Name: row.Name, DisplayName: row.DisplayName, Token: row.Key, Grants: row.Grants}
	if row.ID != "" {
		p.Owner = append(access.Grants{}, row.Owner...)
	}
	return p, true, nil
}
