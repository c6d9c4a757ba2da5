package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// HostLine is a host in a list, with what a person needs to judge it.
type HostLine struct {
	ID string `json:"id"`
	HostOverview
	// Remedy is what the newest backup advises, NextTry when it goes on if it
	// waits.
	Remedy  Text       `json:"remedy"`
	NextTry *time.Time `json:"next_try"`
	// Ended is the newest backup that came to an end of its own, empty when
	// none did: neither skipped, nor cancelled, nor under way.
	EndedRun     Text       `json:"ended_run"`
	EndedState   Text       `json:"ended_state"`
	EndedAt      *time.Time `json:"ended_at"`
	EndedMessage Text       `json:"ended_message"`
	EndedRemedy  Text       `json:"ended_remedy"`
	// TypicalSeconds is how long its backups take; nil before the first.
	TypicalSeconds *float64 `json:"typical_seconds"`
}

// HostQuery says which hosts to list, and how. Empty fields narrow nothing.
type HostQuery struct {
	Visible Visible
	// Search is looked for in name, group, address, tags and notes; each of its
	// words must be in one of them. Upper and lower case are the same.
	Search string
	Group  string
	Tag    string
	// Storage is "server:dataset".
	Storage string
	// Health takes hosts in one of these states of health.
	Health []policy.Health
	// State is that of the newest backup.
	State string
	// Sort is one of HostSorts; empty sorts by name. Equal ones go by name.
	Sort       string
	Descending bool
	// Limit is the most to give; 0 means 50. Offset leaves out the first ones.
	Limit, Offset int
	// After, if it is not empty, is the host that the page before this one ended
	// with: those that come before it by name are neither given nor counted.
	After ident.Host
	Now   time.Time
}

// HostList is one page of hosts.
type HostList struct {
	Hosts []HostLine
	// Total is how many hosts there are on all pages.
	Total int
	// Health counts the hosts that the query takes apart from its Health.
	Health map[policy.Health]int
}

// healthOrder ranks health by how much it needs a person.
const healthOrder = `array_position(array['failing', 'never', 'late', 'paused', 'ok'], health)`

// hostSorts are the orders of hosts, by name of column.
var hostSorts = map[string]string{
	"name":      `"group", name`,
	"address":   `address`,
	"health":    healthOrder,
	"state":     `run_state`,
	"last_good": `last_good`,
	"proven":    `last_proven`,
	"last_run":  `last_run`,
	"used":      `used_bytes`,
	"snapshots": `snapshot_count`,
	"duration":  `typical_seconds`,
	"storage":   `server, storage`,
}

// HostSorts gives the names of the orders that HostQuery.Sort takes.
func HostSorts() []string {
	names := make([]string, 0, len(hostSorts))
	for name := range hostSorts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// lineRow is a host as selectLines gives it.
type lineRow struct {
	overviewRow
	Health                                      string
	Remedy, EndedRun, EndedMessage, EndedRemedy string
	NextTry, EndedAt                            *time.Time
	TypicalSeconds                              *float64
	Timetable                                   *string
}

// selectLines gives all hosts with their health at the time of the placeholder
// that its two halves stand around.
var selectLines = [2]string{
	`select` + overviewColumns + `,
	coalesce(n.remedy, '') as remedy, n.next_try, coalesce(n.ended_run, '') as ended_run, n.ended_at,
	coalesce(n.ended_message, '') as ended_message, coalesce(n.ended_remedy, '') as ended_remedy, n.typical_seconds,
	h.timetable::text as timetable,
	host_health(h.enabled, sus.since is not null or h.last_verify_state = 'mismatch', h.last_good, h.late_age, h.failing_age, coalesce(n.ended_state, ''), `,
	`) as health` + overviewTables,
}

// HostPage gives a page of hosts as they are doing at q.Now, with counts.
func (s *Store) HostPage(ctx context.Context, q HostQuery) (HostList, error) {
	list := HostList{Health: map[policy.Health]int{}}
	var found []lineRow
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		c, from := q.source()
		counts, err := rows[struct {
			Health string
			N      int
		}](ctx, tx, `select health, count(*)::int as n from (`+from+`) l group by health`, c.args...)
		if err != nil {
			return err
		}
		for _, count := range counts {
			health := policy.Health(count.Health)
			list.Health[health] = count.N
			if len(q.Health) == 0 || slices.Contains(q.Health, health) {
				list.Total += count.N
			}
		}
		found, err = q.page(ctx, tx)
		return err
	})
	if err != nil {
		return HostList{}, err
	}
	list.Hosts = linesOf(found, q.Now)
	return list, nil
}

// page reads the hosts of one page.
func (q HostQuery) page(ctx context.Context, tx pgx.Tx) ([]lineRow, error) {
	c, from := q.source()
	where := "true"
	if len(q.Health) > 0 {
		where = "health = any (" + c.arg(q.Health) + "::text[])"
	}
	order := hostSorts["name"]
	if by, ok := hostSorts[q.Sort]; ok && q.Sort != "name" {
		by = descending(by, q.Descending) + " nulls last"
		order = by + ", " + order
	} else {
		order = descending(order, q.Descending)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	return orderedLines(ctx, tx, q.Now, `select id from (`+from+`) l where `+where+` order by `+order+
		` limit `+c.arg(limit)+` offset `+c.arg(max(0, q.Offset)), c.args)
}

// orderedLines reads the hosts whose ids a query gives, in its order. It does so
// in two steps, since PostgreSQL would make the whole line of every host before
// it sorts them.
func orderedLines(ctx context.Context, tx pgx.Tx, now time.Time, ids string, args []any) ([]lineRow, error) {
	chosen, err := rows[struct{ ID string }](ctx, tx, ids, args...)
	if err != nil || len(chosen) == 0 {
		return nil, err
	}
	place := make(map[string]int, len(chosen))
	list := make([]string, len(chosen))
	for i, c := range chosen {
		place[c.ID], list[i] = i, c.ID
	}
	found, err := rows[lineRow](ctx, tx, selectLines[0]+`$1`+selectLines[1]+` where h.id = any ($2::uuid[])`, now, list)
	slices.SortFunc(found, func(a, b lineRow) int { return place[a.ID] - place[b.ID] })
	return found, err
}

// descending turns each column of an order around.
func descending(order string, yes bool) string {
	if !yes {
		return order
	}
	if strings.HasPrefix(order, "array_position") {
		return order + " desc"
	}
	return strings.ReplaceAll(order, ", ", " desc, ") + " desc"
}

// source is a query for the hosts that q takes, apart from its Health.
func (q HostQuery) source() (c conditions, sql string) {
	now := c.arg(q.Now)
	c.see(q.Visible.Within(q.Group), "g.name")
	if q.After != (ident.Host{}) {
		c.parts = append(c.parts, `(g.name, h.name) > (`+c.arg(q.After.Group)+`, `+c.arg(q.After.Name)+`)`)
	}
	for _, word := range strings.Fields(strings.ToLower(q.Search)) {
		c.add(`strpos(lower(concat_ws(' ', g.name || '/' || h.name, h.address, array_to_string(h.tags, ' '), h.notes)), ?) > 0`, word)
	}
	c.addIf(q.Tag != "", "? = any (h.tags)", q.Tag)
	c.addIf(q.Storage != "", "s.server || ':' || s.dataset = ?", q.Storage)
	c.addIf(q.State != "", "n.state = ?", q.State)
	return c, selectLines[0] + now + selectLines[1] + " where " + c.sql()
}

func linesOf(found []lineRow, now time.Time) []HostLine {
	lines := make([]HostLine, len(found))
	for i, r := range found {
		lines[i] = r.line(now)
	}
	return lines
}

func (r lineRow) line(now time.Time) HostLine {
	l := HostLine{
		ID:           r.ID,
		HostOverview: r.overviewRow.plain(policy.Health(r.Health), now), Remedy: Text(r.Remedy), NextTry: r.NextTry,
		EndedRun: Text(r.EndedRun), EndedState: Text(r.EndedState), EndedAt: r.EndedAt,
		EndedMessage: Text(r.EndedMessage), EndedRemedy: Text(r.EndedRemedy), TypicalSeconds: r.TypicalSeconds,
	}
	if r.Enabled && r.Timetable != nil {
		var tt policy.Timetable
		if json.Unmarshal([]byte(*r.Timetable), &tt) == nil {
			l.NextRun = nextRun(tt, now)
		}
	}
	return l
}
