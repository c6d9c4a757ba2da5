package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/access"
)

// User is somebody who signs in to the web pages.
type User struct {
	ID              string        `json:"id"`
	Name            string        `json:"name"`
	DisplayName     Text          `json:"display_name"`
	Grants          access.Grants `json:"grants"`
	Disabled        bool          `json:"disabled"`
	PasswordChanged time.Time     `json:"password_changed"`
	LastSignIn      *time.Time    `json:"last_sign_in"`
	// Sessions is how many are open, expired ones not yet removed included.
	Sessions  int       `json:"sessions"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

const selectUser = `select u.id::text as id, u.name, u.display_name, u.disabled, u.password_changed, u.last_sign_in,
	u.created_at, u.updated_at, (select count(*) from sessions where user_id = u.id)::int as sessions,` + grantsOfUser + ` as grants
	from users u`

// The grants of u or t, all groups first, as JSON.
const (
	grantsOfUser  = grantsList + `r.user_id = u.id)`
	grantsOfToken = grantsList + `r.token_id = t.id)`
	grantsList    = ` (select coalesce(jsonb_agg(jsonb_build_object('role', r.role, 'group', coalesce(g.name, ''))
		order by g.name nulls first, r.role), '[]') from grants r left join groups g on g.id = r.group_id where `
)

// Users gives all users by name.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	found, err := rows[User](ctx, s.pool, selectUser+` order by u.name`)
	return found, s.explain(err)
}

// User gives one user, or a NotFoundError.
func (s *Store) User(ctx context.Context, name string) (User, error) {
	u, err := getUser(ctx, s.pool, name)
	return u, s.explain(err)
}

func getUser(ctx context.Context, q querier, name string) (User, error) {
	found, err := rows[User](ctx, q, selectUser+` where u.name = $1`, name)
	if err == nil && len(found) == 0 {
		err = userNotFound(name)
	}
	if err != nil {
		return User{}, err
	}
	return found[0], nil
}

func userNotFound(name string) error {
	return &NotFoundError{Kind: "user", Name: name, Hint: "see `planb user list`, or add it with `planb user add " + name + "`"}
}

// NewUser is what AddUser needs.
type NewUser struct {
	Name        string        `json:"-"`
	DisplayName string        `json:"display_name,omitempty"`
	Grants      access.Grants `json:"grants"`
	// PasswordHash comes from access.Passwords.
	PasswordHash string `json:"-"`
}

// AddUser adds a user.
func (s *Store) AddUser(ctx context.Context, n NewUser) (User, error) {
	var u User
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		u, err = addUser(ctx, tx, n)
		return err
	})
	return u, err
}

// AddFirstUser adds a user if there is none at all, and says whether it did.
func (s *Store) AddFirstUser(ctx context.Context, n NewUser) (added bool, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `lock table users in share row exclusive mode`); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from users)`).Scan(&there); err != nil || there {
			return err
		}
		added = true
		_, err := addUser(ctx, tx, n)
		return err
	})
	return added && err == nil, err
}

// HasUsers says whether there is any user.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	var there bool
	err := s.pool.QueryRow(ctx, `select exists (select from users)`).Scan(&there)
	return there, s.explain(err)
}

func addUser(ctx context.Context, tx pgx.Tx, n NewUser) (User, error) {
	if err := access.CheckUser(n.Name); err != nil {
		return User{}, err
	}
	var id string
	err := tx.QueryRow(ctx, `insert into users (name, display_name, password_hash) values ($1, $2, $3)
		on conflict (name) do nothing returning id::text`, n.Name, n.DisplayName, n.PasswordHash).Scan(&id)
	if noRow(err) {
		return User{}, &ExistsError{Kind: "user", Name: n.Name, Hint: "change it with `planb user edit " + n.Name + "`"}
	}
	if err != nil {
		return User{}, err
	}
	if err := setGrants(ctx, tx, grantee{user: &id}, n.Grants); err != nil {
		return User{}, err
	}
	if err := audit(ctx, tx, "user.add", n.Name, n); err != nil {
		return User{}, err
	}
	return getUser(ctx, tx, n.Name)
}

// UserEdit holds what to change of a user; nil leaves as it is.
type UserEdit struct {
	DisplayName *string        `json:"display_name,omitempty"`
	Grants      *access.Grants `json:"grants,omitempty"`
}

// EditUser changes what e sets. The last admin of all groups keeps the role.
func (s *Store) EditUser(ctx context.Context, name string, e UserEdit) (User, error) {
	return s.changeUser(ctx, name, "user.edit", e, func(tx pgx.Tx, u User) error {
		_, err := tx.Exec(ctx, `update users set display_name = coalesce($2, display_name), updated_at = now() where id = $1::uuid`,
			u.ID, e.DisplayName)
		if err != nil || e.Grants == nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from grants where user_id = $1::uuid`, u.ID); err != nil {
			return err
		}
		return setGrants(ctx, tx, grantee{user: &u.ID}, *e.Grants)
	})
}

// SetUserEnabled disables a user, which ends all of the user's sessions, or
// enables it, which also forgets sign-ins that failed. Tokens of a disabled
// user do not work.
func (s *Store) SetUserEnabled(ctx context.Context, name string, enabled bool) (User, error) {
	action := "user.enable"
	if !enabled {
		action = "user.disable"
	}
	return s.changeUser(ctx, name, action, nil, func(tx pgx.Tx, u User) error {
		if _, err := tx.Exec(ctx, `update users set disabled = $2, updated_at = now() where id = $1::uuid`, u.ID, !enabled); err != nil {
			return err
		}
		if !enabled {
			return endSessions(ctx, tx, u.ID, "")
		}
		return forgetAttempts(ctx, tx, name)
	})
}

// SetPassword keeps the hash of a new password and ends all sessions of the
// user but that with the id except, which may be empty.
func (s *Store) SetPassword(ctx context.Context, name, hash, except string) error {
	_, err := s.changeUser(ctx, name, "user.password", nil, func(tx pgx.Tx, u User) error {
		_, err := tx.Exec(ctx, `update users set password_hash = $2, password_changed = now(), updated_at = now() where id = $1::uuid`, u.ID, hash)
		if err != nil {
			return err
		}
		if err := forgetAttempts(ctx, tx, name); err != nil {
			return err
		}
		return endSessions(ctx, tx, u.ID, except)
	})
	return err
}

// RemoveUser removes a user with all sessions and tokens of that user.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockUsers(ctx, tx); err != nil {
			return err
		}
		u, err := getUser(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from users where id = $1::uuid`, u.ID); err != nil {
			return err
		}
		if err := keepAnAdmin(ctx, tx, u); err != nil {
			return err
		}
		return audit(ctx, tx, "user.remove", name, nil)
	})
}

func (s *Store) changeUser(ctx context.Context, name, action string, detail any, change func(tx pgx.Tx, u User) error) (User, error) {
	var u User
	err := s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockUsers(ctx, tx); err != nil {
			return err
		}
		old, err := getUser(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, old); err != nil {
			return err
		}
		if err := keepAnAdmin(ctx, tx, old); err != nil {
			return err
		}
		if err := audit(ctx, tx, action, name, detail); err != nil {
			return err
		}
		u, err = getUser(ctx, tx, name)
		return err
	})
	return u, err
}

// lockUsers lets one change of users be made at a time, so that two of them
// cannot each remove the other's last admin.
func lockUsers(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('planb users'))`)
	return err
}

// keepAnAdmin refuses a change of the user, who was as given, that leaves nobody
// who may add users.
func keepAnAdmin(ctx context.Context, tx pgx.Tx, before User) error {
	if before.Disabled || !before.Grants.May(access.Admin, access.Everything()) {
		return nil
	}
	var there bool
	err := tx.QueryRow(ctx, `select exists (select from users u join grants r on r.user_id = u.id
		where not u.disabled and r.role = 'admin' and r.group_id is null)`).Scan(&there)
	if err == nil && !there {
		err = refusedf("%s is the last admin of all groups: make somebody else one first", before.Name)
	}
	return err
}
