package catalog

import (
	"context"
	"time"
)

// Typical gives how long backups of hosts take, by their ids: the median of the
// last ones. Hosts that never had one are not in it.
func (s *Store) Typical(ctx context.Context, hostIDs []string) (map[string]time.Duration, error) {
	found, err := rows[struct {
		ID      string
		Seconds float64
	}](ctx, s.pool, `select host_id::text as id, typical_seconds as seconds from newest_backups
		where host_id = any ($1::uuid[]) and typical_seconds is not null`, orEmpty(hostIDs))
	typical := make(map[string]time.Duration, len(found))
	for _, f := range found {
		typical[f.ID] = time.Duration(f.Seconds * float64(time.Second))
	}
	return typical, s.explain(err)
}
