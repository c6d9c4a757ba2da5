package catalog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

func TestInventoryReplacesWhatWasThere(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	first := []catalog.Snapshot{
		{Name: "daily-202611220130", Created: base.Add(-24 * time.Hour), State: "ok", Tiers: []string{"daily"}, UsedBytes: 10, ReferencedBytes: 100, Run: "r1"},
		{Name: "daily-202611230130", Created: base, State: "suspect", Tiers: []string{"daily"}},
		{Name: "by-hand", Created: base.Add(time.Hour)},
	}
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, first, base))
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, 3, h.SnapshotCount)
	require.Equal(t, "daily-202611220130", h.LastGoodSnapshot)
	require.True(t, h.LastGood.Equal(base.Add(-24*time.Hour)))

	second := []catalog.Snapshot{{Name: "daily-202611230130", Created: base, State: "partial", Holds: 1, HoldReason: "audit"}}
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, second, base))
	got, err := s.Snapshots(t.Context(), web1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.True(t, got[0].Held)
	text, err := json.Marshal(got[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"host":"acme/web1","snapshot":"daily-202611230130","created":"2026-11-23T01:30:00Z","state":"partial",
		"tiers":[],"used_bytes":0,"referenced_bytes":0,"holds":1,"held":true,"hold_reason":"audit","hold_until":null,"run":null}`, string(text))
	h, err = s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Nil(t, h.LastGood)
	require.Empty(t, h.LastGoodSnapshot)
}

func TestLegacySnapshotsCountAsGood(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, []catalog.Snapshot{{Name: "planb-20170603T1147Z", Created: base}}, base))
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, "planb-20170603T1147Z", h.LastGoodSnapshot)
}

// A snapshot that a clock dated a year ahead is neither what is restored from
// by default nor a reason to call the host well.
func TestASnapshotOfTheFutureIsNotTheLastGood(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, []catalog.Snapshot{
		{Name: "yearly-202711220130", Created: base.AddDate(1, 0, -1), State: "ok"},
		{Name: "daily-202611230130", Created: base, State: "ok"},
	}, base))
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, "daily-202611230130", h.LastGoodSnapshot)
	require.True(t, h.LastGood.Equal(base))
}

func TestInventoryOfAMissingHost(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	for _, id := range []string{"", "no uuid", "00000000-0000-4000-8000-000000000000"} {
		require.True(t, catalog.IsNotFound(s.ReplaceSnapshots(t.Context(), id, nil, base)), id)
	}
	_, err := s.Snapshots(t.Context(), web1)
	require.True(t, catalog.IsNotFound(err))
}

func TestOlderMeasurementChangesNothing(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	require.NoError(t, s.SetSizes(t.Context(), h.ID, catalog.Sizes{UsedBytes: 5, ReferencedBytes: 4, At: base}))
	require.NoError(t, s.SetSizes(t.Context(), h.ID, catalog.Sizes{UsedBytes: 1, ReferencedBytes: 1, At: base.Add(-time.Hour)}))
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, int64(5), *h.UsedBytes)
}

// Two answers may arrive in the other order than they were asked for; and no
// clock that was wrong once keeps what is true out for good.
func TestAnOlderListingDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	listed := func(asked, at time.Time, names ...string) int {
		t.Helper()
		l := catalog.Listing{Asked: asked, At: at, Sizes: &catalog.Sizes{UsedBytes: int64(len(names)), At: at}}
		for _, name := range names {
			l.Snapshots = append(l.Snapshots, catalog.Snapshot{Name: name, Created: base, State: "ok"})
		}
		require.NoError(t, s.RecordListing(t.Context(), h.ID, l))
		now, err := s.Host(t.Context(), web1)
		require.NoError(t, err)
		require.EqualValues(t, now.SnapshotCount, *now.UsedBytes)
		return now.SnapshotCount
	}
	require.Equal(t, 2, listed(base, base, "a", "b"))
	require.Equal(t, 2, listed(base.Add(-time.Hour), base, "a"), "asked for before that, and late")
	require.Equal(t, 3, listed(base, base, "a", "b", "c"), "told again")
	// The clock of the storage server has no say in the order.
	require.Equal(t, 1, listed(base.Add(time.Hour), base.AddDate(-1, 0, 0), "a"))
	require.Equal(t, 2, listed(base.Add(2*time.Hour), base.AddDate(1, 0, 0), "a", "b"))
	require.Equal(t, 3, listed(base.Add(3*time.Hour), base, "a", "b", "c"))
	// And Temporal's, once it is right again, none for good.
	ahead := time.Now().AddDate(1, 0, 0)
	require.Equal(t, 1, listed(ahead, base, "a"))
	require.Equal(t, 2, listed(base.Add(4*time.Hour), base, "a", "b"))
	require.NoError(t, s.SetSizes(t.Context(), h.ID, catalog.Sizes{UsedBytes: 7, At: ahead}))
	require.NoError(t, s.SetSizes(t.Context(), h.ID, catalog.Sizes{UsedBytes: 8, At: base}))
	now, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.EqualValues(t, 8, *now.UsedBytes)
}
