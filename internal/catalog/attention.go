package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// Attention is what of the fleet a person should look at.
type Attention struct {
	// Hosts need a person, the worst first: those that are failing, that never
	// had a good backup, that are late, whose backup waits, in this order.
	Hosts []HostLine
	// Total is how many there are, of whom Hosts may be the first ones.
	Total int
	// Health counts all hosts.
	Health map[policy.Health]int
	// Suspect, Waiting and Running count hosts with a suspect snapshot that
	// nobody has decided about, and whose newest backup waits or runs.
	Suspect, Waiting, Running int
	// Since counts the backups of the last 24 hours by how they ended.
	Since map[string]int
}

// All is the number of hosts.
func (a Attention) All() int {
	n := 0
	for _, count := range a.Health {
		n += count
	}
	return n
}

// attentionNeeded is true of the hosts that Attention.Hosts lists.
const attentionNeeded = `(health in ('failing', 'never', 'late') or run_state = 'waiting')`

// attentionOrder ranks them: what may be worth nothing comes before what is late,
// and then whatever is without a good backup for longest.
const attentionOrder = healthOrder + `, last_verify_state = 'mismatch' desc, suspect_since nulls last, last_good nulls first, "group", name`

// Attention gives what needs a person at the time now, at most limit hosts.
func (s *Store) Attention(ctx context.Context, v Visible, now time.Time, limit int) (Attention, error) {
	a := Attention{Health: map[policy.Health]int{}, Since: map[string]int{}}
	var found []lineRow
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		c, from := HostQuery{Visible: v, Now: now}.source()
		counts, err := rows[struct {
			Health                               string
			N, Needed, Suspect, Waiting, Running int
		}](ctx, tx, `select health, count(*)::int as n, count(*) filter (where `+attentionNeeded+`)::int as needed,
				count(suspect_since)::int as suspect, count(*) filter (where run_state = 'waiting')::int as waiting,
				count(*) filter (where run_state = 'running')::int as running
			from (`+from+`) l group by health`, c.args...)
		if err != nil {
			return err
		}
		for _, count := range counts {
			a.Health[policy.Health(count.Health)] = count.N
			a.Total += count.Needed
			a.Suspect += count.Suspect
			a.Waiting += count.Waiting
			a.Running += count.Running
		}
		if a.Total > 0 {
			found, err = orderedLines(ctx, tx, now, `select id from (`+from+`) l where `+attentionNeeded+
				` order by `+attentionOrder+` limit `+c.arg(limit), c.args)
			if err != nil {
				return err
			}
		}
		return endedSince(ctx, tx, v, now.Add(-24*time.Hour), a.Since)
	})
	a.Hosts = linesOf(found, now)
	return a, err
}

// endedSince counts into counts how backups ended that began after since.
func endedSince(ctx context.Context, q querier, v Visible, since time.Time, counts map[string]int) error {
	var c conditions
	c.add("r.started > ?", since)
	c.addIf(!v.all, "r.group_id in (select id from groups where name = any (?::text[]))", v.names())
	found, err := rows[struct {
		State string
		N     int
	}](ctx, q, `select r.state, count(*)::int as n from runs r
		where r.kind = 'backup' and r.finished is not null and `+c.sql()+` group by r.state`, c.args...)
	for _, f := range found {
		counts[f.State] = f.N
	}
	return err
}
