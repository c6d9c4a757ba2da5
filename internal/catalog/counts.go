package catalog

import (
	"context"

	"planb/internal/policy"
)

// Counts gives what guards compare the next backup of a host with: what the
// backup of its last good snapshot counted, and what the newest one after that
// counted since. Both are nil when not on record, the latter also when the
// newest backup is the last good one.
func (s *Store) Counts(ctx context.Context, hostID string) (good, since *policy.Counts, err error) {
	err = s.pool.QueryRow(ctx, `
		with made as (select r.started, r.snapshot, r.detail->'counts' as counts from runs r
			where r.host_id::text = $1 and r.kind = 'backup' and r.snapshot <> '' and r.finished is not null),
		good as (select m.started, m.counts from made m join hosts h on h.last_good_snapshot = m.snapshot
			where h.id::text = $1 order by m.started desc limit 1)
		select (select counts from good),
			(select m.counts from made m, good where m.started > good.started order by m.started desc limit 1)`,
		hostID).Scan(&good, &since)
	return good, since, s.explain(err)
}
