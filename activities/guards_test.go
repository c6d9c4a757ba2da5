package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/zfs"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	p := Plan{Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{}), Previous: &policy.Counts{Files: 1000, Bytes: 1 << 30}}
	counts, tripped := judge(p, rsync.Result{State: rsync.OK, Stats: &rsync.Stats{
		FilesTotal: 1500, RegularFiles: 1010, FilesCreated: 40, RegularCreated: 30, FilesDeleted: 25, RegularDeleted: 20,
		FilesTransferred: 75, TotalSize: 1 << 30,
	}}, rsync.Changes{})
	require.Equal(t, &policy.Counts{Files: 1010, Bytes: 1 << 30, Changed: 45, Deleted: 20, Created: 30}, counts)
	require.Empty(t, tripped)

	stopped := rsync.Result{State: rsync.Partial, Type: rsync.TypeGuard, Stats: &rsync.Stats{
		RegularFiles: 600, RegularDeleted: 500, TotalSize: 1 << 30,
	}}
	counts, tripped = judge(p, stopped, rsync.Changes{})
	require.True(t, counts.Leftovers)
	require.Equal(t, []policy.Tripped{{Guard: policy.GuardDelete, Reason: "More than 500 files are gone from the host, the limit of 50 %; the others that are gone were kept."}}, tripped)
	stopped.Stats.RegularDeleted = 501
	_, tripped = judge(p, stopped, rsync.Changes{})
	require.Len(t, tripped, 1, "a guard trips once")

	// The transfer after it finds nothing to do; the backup is not better.
	p.Since = &policy.Counts{Files: 600, Deleted: 501}
	_, tripped = judge(p, rsync.Result{State: rsync.OK, Stats: &rsync.Stats{RegularFiles: 600, TotalSize: 1 << 30}}, rsync.Changes{})
	require.Len(t, tripped, 1)

	counts, tripped = judge(p, rsync.Result{State: rsync.Warning}, rsync.Changes{})
	require.Nil(t, counts)
	require.Empty(t, tripped)
}

// What a try did that was broken off counts, though the next one finds it done.
func TestJudgeCountsWhatBrokenTriesDid(t *testing.T) {
	t.Parallel()
	s := &Storage{State: t.TempDir()}
	for range 2 {
		require.NoError(t, s.addChanges(Plan{}, rsync.Changes{Created: 1, Changed: 300, Deleted: 260}))
	}
	before, err := s.changes(Plan{})
	require.NoError(t, err)
	require.Equal(t, rsync.Changes{Created: 2, Changed: 600, Deleted: 520}, before)

	p := Plan{Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{}), Previous: &policy.Counts{Files: 1000, Bytes: 1 << 30}}
	last := rsync.Result{State: rsync.OK, Stats: &rsync.Stats{RegularFiles: 1000, FilesTransferred: 10, TotalSize: 1 << 30}}
	_, tripped := judge(p, last, rsync.Changes{})
	require.Empty(t, tripped)
	counts, tripped := judge(p, last, before)
	require.Equal(t, &policy.Counts{Files: 1000, Bytes: 1 << 30, Created: 2, Changed: 610, Deleted: 520}, counts)
	require.True(t, trippedBy(tripped, policy.GuardDelete))

	require.Equal(t, 500, maxDelete(p, rsync.Changes{}))
	require.Equal(t, 240, maxDelete(p, rsync.Changes{Deleted: 260}))
	require.Equal(t, 1, maxDelete(p, before), "0 would be no limit")
}

// suspectServer has two good snapshots and two suspect ones, the last good one
// held twice as if the activity had been repeated.
func suspectServer(t *testing.T) *storageServer {
	t.Helper()
	s := newStorageServer(t, keep(t, "1d"))
	s.take(4, policy.StateOK)
	good := s.take(3, policy.StateOK)
	for _, daysAgo := range []int{2, 1} {
		name := "daily-" + night.AddDate(0, 0, -daysAgo).Format("200601021504")
		do[any](s, s.Snapshot, SnapshotInput{
			Plan: s.plan, Name: name, Tiers: []string{"daily"}, Data: s.dataDir(),
			State: policy.StateSuspect, Worth: policy.StateOK, Guard: "90 % of the files changed",
		})
		for range 2 {
			held := do[GuardsResult](s, s.Guards, GuardsInput{Plan: s.plan, Snapshot: name})
			require.Equal(t, good, held.Held)
		}
	}
	return s
}

func (s *storageServer) dataDir() string { return do[Prepared](s, s.Prepare, s.plan).Data }

func (s *storageServer) state(daysAgo int) string {
	return s.there()["daily-"+night.AddDate(0, 0, -daysAgo).Format("200601021504")].Props[zfs.PropState]
}

func TestSuspectStopsPruningAndHoldsTheLastGood(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	require.Empty(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan, Agreed: true}).Removed)
	good := s.there()["daily-202611200130"]
	require.Equal(t, 1, good.Holds)
	require.Equal(t, "last good, while daily-202611210130 is suspect", good.Props[zfs.PropHoldReason])
	_, err := s.ZFS.DestroySnapshots(t.Context(), s.plan.Dataset, []string{good.Name})
	require.ErrorIs(t, err, zfs.ErrBusy)
}

func TestAcceptMakesGoodAndLetsPruningGoOn(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	out := do[DecideResult](s, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept})
	require.Equal(t, []string{"daily-202611210130", "daily-202611220130"}, out.Snapshots)
	require.Equal(t, policy.StateOK, s.state(1))
	require.NotContains(t, s.there()["daily-202611220130"].Props, zfs.PropGuard)
	require.Zero(t, s.there()["daily-202611200130"].Holds)
	require.Len(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}).Removed, 3)
	require.Contains(t, s.refuses(ErrTypeRefused, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept}), "acme/web1 has no suspect snapshot")
}

func TestRejectNeverCountsAsGood(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	out := do[DecideResult](s, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictReject})
	require.Len(t, out.Snapshots, 2)
	require.Equal(t, policy.StateRejected, s.state(1))
	require.Equal(t, "90 % of the files changed", s.there()["daily-202611220130"].Props[zfs.PropGuard], "why stays known")
	require.Equal(t, night.AddDate(0, 0, -3), do[Prepared](s, s.Prepare, s.plan).PreviousGood.UTC())
	require.Equal(t, []string{"daily-202611190130"}, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}).Removed)

	s.take(0, policy.StateOK)
	do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan})
	require.Len(t, s.there(), 1)
}

// The last good snapshot stays held until the last suspect one is decided
// about.
func TestDecideAboutOneOfThem(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	require.Contains(t, s.refuses(ErrTypeNoSnapshot, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept, Snapshot: "daily-202601010130"}), "has no snapshot")
	require.Contains(t, s.refuses(ErrTypeRefused, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept, Snapshot: "daily-202611200130"}), "nothing suspect")
	out := do[DecideResult](s, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictReject, Snapshot: "daily-202611210130"})
	require.Equal(t, DecideResult{Snapshots: []string{"daily-202611210130"}, Waiting: 1}, out)
	require.Equal(t, 1, s.there()["daily-202611200130"].Holds)
	require.Empty(t, do[PruneResult](s, s.Prune, PruneInput{Plan: s.plan}).Removed)
	do[DecideResult](s, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept})
	require.Zero(t, s.there()["daily-202611200130"].Holds)
}

// Whoever decides before the last good snapshot is held leaves no hold that
// nobody would take back.
func TestGuardsHoldNothingOnceDecided(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	do[DecideResult](s, s.Decide, DecideInput{Plan: s.plan, Verdict: VerdictAccept})
	require.Empty(t, do[GuardsResult](s, s.Guards, GuardsInput{Plan: s.plan, Snapshot: "daily-202611220130"}).Held)
	for name, snap := range s.there() {
		require.Zero(t, snap.Holds, name)
	}
}
