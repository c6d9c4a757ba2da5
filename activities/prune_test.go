package activities

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestPruneCarriesOutWhatItPlans(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, keep(t, "3d"))
	s.takeAll(7)
	plan := do[PrunePlan](s, s.PlanPrune, s.plan)
	require.Len(t, plan.Snapshots, 7)
	require.Equal(t, 4, plan.Removals())
	require.Equal(t, PlannedSnapshot{Snapshot: "daily-202611230130", Action: "keep", Reasons: []string{"newest good", "floor", "daily 1 of 3"}}, plan.Snapshots[0])
	require.Len(t, s.there(), 7)

	out := do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan})
	require.Len(t, out.Removed, 4)
	require.Equal(t, 3, out.Kept)
	require.Len(t, s.there(), 3)
	require.Empty(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}).Removed, "there is nothing more to do")
}

func TestPruneOfMostSnapshotsNeedsAPersonToAgree(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, keep(t, "1d"))
	s.takeAll(8)
	require.True(t, do[PrunePlan](s, s.PlanPrune, s.plan).AsksFirst)
	require.Equal(t, PruneResult{Kept: 8, Withheld: 7}, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}))
	require.Len(t, s.there(), 8)
	require.Len(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan, Agreed: true}).Removed, 7)
	require.Len(t, s.there(), 1)
}

// A clock that is a year ahead makes nothing old, with a snapshot of that time
// and without, and ends no hold.
func TestAClockThatLeapsPrunesNothing(t *testing.T) {
	t.Parallel()
	settings := keep(t, "4d")
	settings.FloorAge = new(policy.Week)
	s := newStorageServer(t, settings)
	s.takeAll(4)
	end := night.AddDate(0, 1, 0)
	do[any](s, s.ChangeSnapshot, ChangeSnapshotInput{Plan: s.plan, Snapshot: "daily-202611210130", Change: ChangeHold, Reason: "audit", Until: &end})

	s.now = night.AddDate(1, 0, 0)
	out := do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan, Agreed: true})
	require.Empty(t, out.Removed)
	require.Empty(t, out.Released)

	s.take(-365, policy.StateOK)
	out = do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan, Agreed: true})
	require.Empty(t, out.Removed)
	require.Empty(t, out.Released)
	require.Len(t, s.there(), 5)
	require.Equal(t, 1, s.there()["daily-202611210130"].Holds)
}

func TestAHoldEndsWithTheFirstGoodBackupAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, keep(t, "2d"))
	s.takeAll(4)
	held := "daily-202611200130"
	end := night.Add(12 * time.Hour)
	do[any](s, s.ChangeSnapshot, ChangeSnapshotInput{Plan: s.plan, Snapshot: held, Change: ChangeHold, Reason: "audit 2026", Until: &end})
	s.now = night.AddDate(0, 0, 3)
	out := do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan})
	require.Equal(t, []string{"daily-202611210130"}, out.Removed)
	require.Contains(t, s.there(), held)

	s.take(-1, policy.StateOK)
	out = do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan})
	require.Equal(t, []string{held}, out.Released)
	require.ElementsMatch(t, []string{held, "daily-202611220130"}, out.Removed)
}

// While a backup writes to the dataset, pruning waits.
func TestPruneWaitsForWhoeverWrites(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, keep(t, "1d"))
	s.takeAll(2)
	// As it is with a dataset that was brought over from elsewhere.
	require.NoError(t, os.Remove(s.dataDir()))
	lock, err := s.lockDataset(t.Context(), s.plan)
	require.NoError(t, err)
	require.Contains(t, s.refuses(ErrTypeLocked, s.Prune, PruneInput{Plan: s.plan}), "still written to")
	require.NoError(t, lock.Close())
	require.Len(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}).Removed, 1)
}

func TestRoomWarnsAndThenStops(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	for _, c := range []struct {
		warn, stop int
		full, low  string
	}{
		{warn: 10, stop: 2},
		{warn: 99, stop: 2, low: "gets full: less than 99 % free"},
		{warn: 100, stop: 100, full: "is full: less than 100 % free"},
	} {
		s.FreeWarn, s.FreeStop = c.warn, c.stop
		// A pool of 128 MB has some of it in use from the start.
		got, err := s.room(t.Context(), s.plan)
		require.NoError(t, err)
		require.Equal(t, c.full == "", got.full == "", got.full)
		require.Contains(t, got.full, c.full)
		if c.low == "" {
			require.Empty(t, got.low)
		}
	}
	s.plan.Storage = "planbt-absent/BACKUP"
	_, err := s.room(t.Context(), s.plan)
	require.Equal(t, ErrTypeRefused, ErrType(err))
}
