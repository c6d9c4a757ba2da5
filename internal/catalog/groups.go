package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Group owns hosts.
type Group struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Emails    []string  `json:"emails"`
	Notes     string    `json:"notes"`
	Hosts     int       `json:"hosts"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// GroupEdit holds what to change of a group; nil leaves as it is.
type GroupEdit struct {
	Emails *[]string `json:"emails,omitempty"`
	Notes  *string   `json:"notes,omitempty"`
	// Settings changes the group's own settings in place.
	Settings func(*policy.Settings) error `json:"-"`
}

const selectGroup = `
	select g.id::text as id, g.name, g.emails, g.notes, g.created_at, g.updated_at,
		(select count(*) from hosts h where h.group_id = g.id)::int as hosts
	from groups g`

// AddGroup adds a group. An existing one is an ExistsError.
func (s *Store) AddGroup(ctx context.Context, name string, e GroupEdit) (Group, error) {
	if err := ident.CheckGroup(name); err != nil {
		return Group{}, err
	}
	var g Group
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if err := addGroup(ctx, tx, name, e); err != nil {
			return err
		}
		g, err = getGroup(ctx, tx, name)
		return err
	})
	return g, err
}

func addGroup(ctx context.Context, tx pgx.Tx, name string, e GroupEdit) error {
	made, err := insertGroup(ctx, tx, name)
	if err != nil {
		return err
	}
	if !made {
		return &ExistsError{Kind: "group", Name: name, Hint: "see `planb group show " + name + "`"}
	}
	if err := updateGroup(ctx, tx, name, e); err != nil {
		return err
	}
	return audit(ctx, tx, "group.add", name, e)
}

// EnsureGroup adds a group if it is not there, and says whether it did.
func (s *Store) EnsureGroup(ctx context.Context, name string) (made bool, err error) {
	if err := ident.CheckGroup(name); err != nil {
		return false, err
	}
	err = s.tx(ctx, func(tx pgx.Tx) (err error) {
		made, err = ensureGroup(ctx, tx, name)
		return err
	})
	return made, err
}

func ensureGroup(ctx context.Context, tx pgx.Tx, name string) (made bool, err error) {
	if made, err = insertGroup(ctx, tx, name); err != nil || !made {
		return made, err
	}
	return true, audit(ctx, tx, "group.add", name, nil)
}

func insertGroup(ctx context.Context, tx pgx.Tx, name string) (made bool, err error) {
	tag, err := tx.Exec(ctx, `insert into groups (name) values ($1) on conflict (name) do nothing`, name)
	return tag.RowsAffected() == 1, err
}

func updateGroup(ctx context.Context, tx pgx.Tx, name string, e GroupEdit) error {
	if e.Settings != nil {
		if err := editSettings(ctx, tx, OfGroup(name), e.Settings); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `
		update groups set emails = coalesce($2, emails), notes = coalesce($3, notes), updated_at = now()
		where name = $1`, name, e.Emails, e.Notes)
	return err
}

// Group gives one group, or a NotFoundError.
func (s *Store) Group(ctx context.Context, name string) (Group, error) {
	g, err := getGroup(ctx, s.pool, name)
	return g, s.explain(err)
}

func getGroup(ctx context.Context, q querier, name string) (Group, error) {
	found, err := rows[Group](ctx, q, selectGroup+` where g.name = $1`, name)
	if err == nil && len(found) == 0 {
		err = groupNotFound(name)
	}
	if err != nil {
		return Group{}, err
	}
	return found[0], nil
}

func groupNotFound(name string) error {
	return &NotFoundError{Kind: "group", Name: name, Hint: "see `planb group list`, or add it with `planb group add " + name + "`"}
}

// Groups gives all groups by name.
func (s *Store) Groups(ctx context.Context) ([]Group, error) {
	found, err := rows[Group](ctx, s.pool, selectGroup+` order by g.name`)
	return found, s.explain(err)
}

// EditGroup changes what e sets.
func (s *Store) EditGroup(ctx context.Context, name string, e GroupEdit) (Group, error) {
	var g Group
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if err := editGroup(ctx, tx, name, e); err != nil {
			return err
		}
		g, err = getGroup(ctx, tx, name)
		return err
	})
	return g, err
}

func editGroup(ctx context.Context, tx pgx.Tx, name string, e GroupEdit) error {
	if err := updateGroup(ctx, tx, name, e); err != nil {
		return err
	}
	if _, err := getGroup(ctx, tx, name); err != nil {
		return err
	}
	return audit(ctx, tx, "group.edit", name, e)
}

// RenameGroup renames a group. Its hosts keep their datasets. It is refused
// while a run of one of its hosts is under way, whose workflow carries the
// old name.
func (s *Store) RenameGroup(ctx context.Context, name, to string) error {
	if err := ident.CheckGroup(to); err != nil {
		return err
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockGroup(ctx, tx, name); err != nil {
			return err
		}
		if err := refuseGroupDuringRun(ctx, tx, name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update groups set name = $2, updated_at = now() where name = $1`, name, to)
		if violates(err, codeUniqueViolation, "groups_name_key") {
			return &ExistsError{Kind: "group", Name: to, Hint: "choose another name"}
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, "group.rename", name, map[string]string{"to": to})
	})
}

// RemoveGroup removes a group that has no hosts.
func (s *Store) RemoveGroup(ctx context.Context, name string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockGroup(ctx, tx, name); err != nil {
			return err
		}
		g, err := getGroup(ctx, tx, name)
		if err != nil {
			return err
		}
		if g.Hosts > 0 {
			return refusedf("group %s still has hosts (%d): remove them first, see `planb host list --group %s`", name, g.Hosts, name)
		}
		if _, err := tx.Exec(ctx, `delete from groups where name = $1`, name); err != nil {
			return err
		}
		return audit(ctx, tx, "group.remove", name, nil)
	})
}

// lockGroup keeps others from adding hosts to the group until tx ends.
func lockGroup(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `select 1 from groups where name = $1 for update`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = groupNotFound(name)
	}
	return err
}

// refuseGroupDuringRun refuses a change of a group while a run of one of its
// hosts, or a change of one, is under way.
func refuseGroupDuringRun(ctx context.Context, tx pgx.Tx, name string) error {
	claimed, err := rows[struct{ Host, For string }](ctx, tx, `
		select g.name || '/' || h.name as host, h.claimed_for as "for" from hosts h join groups g on g.id = h.group_id
		where g.name = $1 and h.claimed_for <> '' limit 1`, name)
	if err != nil {
		return err
	}
	if len(claimed) > 0 {
		return claimedNow(claimed[0].Host, claimed[0].For)
	}
	busy, err := rows[struct{ Host, Kind, ID string }](ctx, tx, `
		select g.name || '/' || h.name as host, r.kind, r.id from runs r join hosts h on h.id = r.host_id
		join groups g on g.id = h.group_id where g.name = $1 and r.finished is null order by r.started limit 1`, name)
	if err != nil || len(busy) == 0 {
		return err
	}
	return refusedf("%s", underWay(busy[0].Kind, busy[0].Host, busy[0].ID))
}
