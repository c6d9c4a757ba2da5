package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// GroupLine is a group in a list, with how its hosts are doing.
type GroupLine struct {
	Group
	// Health counts its hosts.
	Health map[policy.Health]int `json:"health"`
	// UsedBytes is what the datasets of its hosts take; 0 where none is measured.
	UsedBytes int64 `json:"used_bytes"`
	Snapshots int   `json:"snapshots"`
}

// GroupLines gives the groups of v by name, as their hosts are doing at now.
func (s *Store) GroupLines(ctx context.Context, v Visible, now time.Time) ([]GroupLine, error) {
	var list []GroupLine
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		groups, err := rows[Group](ctx, tx, selectGroup+` where $1 or g.name = any ($2::text[]) order by g.name`, v.all, v.names())
		if err != nil {
			return err
		}
		at := map[string]int{}
		for i, g := range groups {
			at[g.Name] = i
			list = append(list, GroupLine{Group: g, Health: map[policy.Health]int{}})
		}
		c, from := HostQuery{Visible: v, Now: now}.source()
		counts, err := rows[struct {
			Group, Health string
			N, Snapshots  int
			Used          int64
		}](ctx, tx, `select "group", health, count(*)::int as n, coalesce(sum(snapshot_count), 0)::int as snapshots,
			coalesce(sum(used_bytes), 0)::bigint as used from (`+from+`) l group by "group", health`, c.args...)
		for _, count := range counts {
			i, known := at[count.Group]
			if !known {
				continue
			}
			list[i].Health[policy.Health(count.Health)] = count.N
			list[i].Snapshots += count.Snapshots
			list[i].UsedBytes += count.Used
		}
		return err
	})
	return list, err
}
