//go:build !nopostgres

package activities

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

// watched is a Control that watches at a time that the test sets.
type watched struct {
	*Control
	t    *testing.T
	now  time.Time
	last int64
}

func newWatched(t *testing.T) *watched {
	w := &watched{t: t, now: time.Now().Truncate(time.Second)}
	w.Control = &Control{
		Catalog: catalogtest.Store(t), Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler), Watching: DefaultWatching(10, 3),
	}
	return w
}

func (w *watched) see(after time.Duration, seen ...ServerSeen) []string {
	w.t.Helper()
	w.now = w.now.Add(after)
	for i := range seen {
		seen[i].At = w.now
	}
	var told int
	for range 2 { // an activity may run twice
		n, err := w.SettleServers(w.t.Context(), seen)
		require.NoError(w.t, err)
		told += n
	}
	list, err := w.Catalog.Notices(w.t.Context(), catalog.NoticeQuery{Visible: catalog.Everything(), All: true, Limit: 100})
	require.NoError(w.t, err)
	kinds := []string{}
	for _, n := range list.Notices {
		if n.ID > w.last {
			kinds = append([]string{n.Kind}, kinds...)
		}
	}
	if len(list.Notices) > 0 {
		w.last = list.Notices[0].ID
	}
	require.Len(w.t, kinds, told)
	return kinds
}

// Workers that do not answer and pools that are gone are told once they last,
// again each day, and once over; what nobody could look at stays what it was.
func TestSettleServers(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	well := func() ServerSeen {
		return ServerSeen{Server: "b1", Answered: true, Storages: []StorageRoom{{Dataset: "tank/BACKUP", Used: 40, Free: 60, Health: "ONLINE"}}}
	}
	gone := func() ServerSeen {
		return ServerSeen{Server: "b1", Answered: true, Storages: []StorageRoom{{Dataset: "tank/BACKUP", Health: HealthMissing}}}
	}
	silent, odd := ServerSeen{Server: "b1", Silent: true}, ServerSeen{Server: "b1"}
	const look = 5 * time.Minute

	require.Empty(t, w.see(0, well()))
	servers, err := w.WatchedServers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"b1"}, servers)

	require.Empty(t, w.see(look, silent), "a restart is no silence")
	require.Empty(t, w.see(look, well()), "nor is its end told")
	require.Empty(t, w.see(look, silent))
	require.Equal(t, []string{"silent"}, w.see(look, silent))
	require.Empty(t, w.see(look, odd))
	require.Equal(t, []string{"silent"}, w.see(24*time.Hour, silent))
	require.Equal(t, []string{"recovered"}, w.see(look, well()))

	require.Empty(t, w.see(look, gone()))
	require.Equal(t, []string{"degraded"}, w.see(look, gone()))
	require.Empty(t, w.see(look, silent), "nothing is known of the pool")
	require.Equal(t, []string{"silent"}, w.see(look, silent))
	require.Equal(t, []string{"recovered", "recovered"}, w.see(look, well()))
	open, err := w.Catalog.FleetConditions(t.Context(), catalog.Everything())
	require.NoError(t, err)
	require.Empty(t, open)
}

// Days that were not billed are told once the next look finds them still so, and
// once they are over.
func TestUnbilledDaysAreTold(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.Billing = Billing{Zone: time.UTC, CatchUp: 7}
	w.now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	require.NoError(t, w.EndSampling(t.Context(), "2026-11-25"))
	look := func(after time.Duration) (kinds []string) {
		t.Helper()
		w.now = w.now.Add(after)
		for range 2 {
			_, err := w.WatchHosts(t.Context())
			require.NoError(t, err)
		}
		list, err := w.Catalog.Notices(t.Context(), catalog.NoticeQuery{Visible: catalog.Everything(), All: true, Limit: 100})
		require.NoError(t, err)
		for _, n := range list.Notices {
			kinds = append(kinds, n.Kind)
		}
		return kinds
	}
	require.Empty(t, look(0))
	require.Empty(t, look(24*time.Hour), "a day that is not over")
	require.Empty(t, look(13*time.Hour), "not at once")
	require.Equal(t, []string{"billing"}, look(2*time.Hour))
	require.NoError(t, w.EndSampling(t.Context(), "2026-11-26"))
	require.Equal(t, []string{"recovered", "billing"}, look(5*time.Minute))
}
