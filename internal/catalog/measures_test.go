package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/policy"
)

// Monitoring reads the ages from the host's row; everything else reads policies.
func TestMeasuresAreWhatTheOverviewSays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := catalogtest.Seed(t, catalogtest.Fleet{Groups: 5, Hosts: 500, Runs: 2000, Snapshots: 2, Now: now})
	// Later on the healthy ones get late, then failing.
	seen := map[policy.Health]bool{}
	for _, at := range []time.Time{now, now.Add(20 * time.Hour), now.Add(60 * time.Hour)} {
		want, err := s.Overview(t.Context(), catalog.HostFilter{}, at)
		require.NoError(t, err)
		got, storages, err := s.Measures(t.Context(), catalog.Everything(), at)
		require.NoError(t, err)
		require.Len(t, storages, 4)
		require.Len(t, got, len(want))
		for i, w := range want {
			g := got[i]
			require.Equal(t, w.Host, g.Ident().String())
			require.Equal(t, w.Health, g.Health, w.Host)
			require.Equal(t, string(w.State), g.State, w.Host)
			require.Equal(t, w.LastGood, g.LastGood, w.Host)
			require.Equal(t, w.SuspectSince != nil, g.Suspect, w.Host)
			require.Equal(t, w.UsedBytes, g.UsedBytes, w.Host)
			require.Equal(t, w.Snapshots, g.Snapshots, w.Host)
			seen[g.Health] = true
		}
	}
	require.Len(t, seen, 5, "every state of health is there: %v", seen)

	some, storages, err := s.Measures(t.Context(), catalog.OnlyGroups("group01"), now)
	require.NoError(t, err)
	require.Len(t, some, 100)
	require.Len(t, storages, 4)
	none, storages, err := s.Measures(t.Context(), catalog.Visible{}, now)
	require.NoError(t, err)
	require.Empty(t, none)
	require.Empty(t, storages)
}
