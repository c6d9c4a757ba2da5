package catalog

import (
	"context"
	"time"
)

// DayRuns are the backups of one host that began on one day, without those that
// were skipped. A day without any has no DayRuns.
type DayRuns struct {
	// Day counts from 0, the first day of the calendar.
	Day, Runs int
	// Worst is the run that came out worst; of several the last one.
	WorstRun, WorstState string
	// Last is the one that began last.
	LastRun, LastState string
}

// Days gives the midnights of a zone that n days lie between, the last of which
// is the one of now: one more than days. Days may have 23 or 25 hours.
func Days(now time.Time, zone *time.Location, n int) []time.Time {
	y, m, d := now.In(zone).Date()
	midnights := make([]time.Time, n+1)
	for i := range midnights {
		midnights[i] = time.Date(y, m, d-n+1+i, 0, 0, 0, 0, zone)
	}
	return midnights
}

// stateBadness ranks the states of runs, the worst highest.
const stateBadness = `array_position(array['skipped', 'ok', 'warning', 'running', 'waiting', 'cancelled', 'partial', 'failed'], r.state)`

// Calendar gives the backups of hosts, by their ids, on each of the days between
// midnights (see Days), in order. It reads all runs of those days: ask for the
// hosts of one page.
func (s *Store) Calendar(ctx context.Context, hostIDs []string, midnights []time.Time) (map[string][]DayRuns, error) {
	if len(hostIDs) == 0 || len(midnights) < 2 {
		return nil, nil
	}
	found, err := rows[struct {
		HostID string
		DayRuns
	}](ctx, s.pool, `
		select r.host_id::text as host_id, width_bucket(r.started, $2::timestamptz[]) - 1 as day, count(*)::int as runs,
			(array_agg(r.id order by `+stateBadness+` desc, r.started desc))[1] as worst_run,
			(array_agg(r.state order by `+stateBadness+` desc, r.started desc))[1] as worst_state,
			(array_agg(r.id order by r.started desc))[1] as last_run,
			(array_agg(r.state order by r.started desc))[1] as last_state
		from unnest($1::uuid[]) as h (id) cross join lateral
			(select * from runs where runs.host_id = h.id and runs.started >= $3 and runs.started < $4
				and runs.kind = 'backup' and runs.state <> 'skipped') r
		group by 1, 2 order by 1, 2`, hostIDs, midnights, midnights[0], midnights[len(midnights)-1])
	if err != nil {
		return nil, s.explain(err)
	}
	days := make(map[string][]DayRuns, len(hostIDs))
	for _, f := range found {
		days[f.HostID] = append(days[f.HostID], f.DayRuns)
	}
	return days, nil
}
