package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// What of a host's policy its row repeats, so that the database can sort by
// health and lists need no policies: the ages at which it is late and failing,
// and its timetable. Whatever changes a policy, or which one a host has, calls
// this within the same transaction; lockPolicies comes first, so that no two
// such changes miss each other.

// lockPolicies keeps others from changing settings until tx ends. It comes
// before any lock on a host, always in that order.
func lockPolicies(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `lock table policies in share row exclusive mode`)
	return err
}

// RefreshStandings brings what the rows of all hosts repeat of their policies
// up to date with this program, and says how many were not: after an upgrade
// that reads policies in another way.
func (s *Store) RefreshStandings(ctx context.Context) (changed int, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockPolicies(ctx, tx); err != nil {
			return err
		}
		changed, err = refreshStandings(ctx, tx, OfSystem())
		return err
	})
	return changed, err
}

// refreshStandings does so for the hosts that a scope is about.
func refreshStandings(ctx context.Context, tx pgx.Tx, sc Scope) (changed int, err error) {
	var c conditions
	c.addIf(sc.group != "", "g.name = ?", sc.group)
	c.addIf(!sc.host.IsZero(), "g.name = ?", sc.host.Group)
	c.addIf(!sc.host.IsZero(), "h.name = ?", sc.host.Name)
	hosts, err := rows[struct{ ID, Group string }](ctx, tx,
		`select h.id::text as id, g.name as "group" from hosts h join groups g on g.id = h.group_id where `+c.sql(), c.args...)
	if err != nil || len(hosts) == 0 {
		return 0, err
	}
	n := len(hosts)
	own := make([]string, n)
	for i, h := range hosts {
		own[i] = h.ID
	}
	set, err := readLayers(ctx, tx, `p.scope <> 'host' or p.host_id = any ($1::uuid[])`, own)
	if err != nil {
		return 0, err
	}
	late, failing, tables := make([]float64, n), make([]float64, n), make([]string, n)
	for i, h := range hosts {
		tt := set.effective(Host{ID: h.ID, Group: h.Group}).Timetable(h.ID)
		lateAge, failingAge := policy.HealthAges(tt.LongestGap())
		text, err := json.Marshal(tt)
		if err != nil {
			return 0, fmt.Errorf("timetable of host %s: %w", h.ID, err)
		}
		late[i], failing[i], tables[i] = lateAge.Seconds(), failingAge.Seconds(), string(text)
	}
	tag, err := tx.Exec(ctx, `
		update hosts h set late_age = make_interval(secs => n.late), failing_age = make_interval(secs => n.failing),
			timetable = n.timetable::jsonb
		from unnest($1::uuid[], $2::float8[], $3::float8[], $4::text[]) as n (id, late, failing, timetable)
		where h.id = n.id and (h.late_age, h.failing_age, h.timetable)
			is distinct from (make_interval(secs => n.late), make_interval(secs => n.failing), n.timetable::jsonb)`,
		own, late, failing, tables)
	return int(tag.RowsAffected()), err
}
