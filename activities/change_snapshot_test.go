package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/zfs"
)

func TestHoldReleaseAndRemoveASnapshot(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	s.takeAll(2)
	const old, newest = "daily-202611220130", "daily-202611230130"
	change := func(snapshot, what string) ChangeSnapshotInput {
		return ChangeSnapshotInput{Plan: s.plan, Snapshot: snapshot, Change: what, Reason: "audit 2026"}
	}
	hold := change(old, ChangeHold)
	hold.Until = new(night.AddDate(1, 0, 0))
	for range 2 {
		do[any](s, s.ChangeSnapshot, hold)
	}
	measured := do[Measured](s, s.Measure, s.plan)
	require.Equal(t, 1, measured.Snapshots[0].Holds)
	require.Equal(t, "audit 2026", measured.Snapshots[0].HoldReason)
	require.Equal(t, night.AddDate(1, 0, 0), measured.Snapshots[0].HoldUntil.UTC())
	require.Contains(t, s.refuses(ErrTypeRefused, s.ChangeSnapshot, change(old, ChangeRemove)), "is held (audit 2026): release it first")

	do[any](s, s.ChangeSnapshot, change(old, ChangeHold))
	require.NotContains(t, s.there()[old].Props, zfs.PropHoldUntil, "a hold without an end replaces the one before")
	for range 2 {
		do[any](s, s.ChangeSnapshot, change(old, ChangeRelease))
	}
	require.Zero(t, s.there()[old].Holds)
	require.NotContains(t, s.there()[old].Props, zfs.PropHoldReason)

	require.Contains(t, s.refuses(ErrTypeRefused, s.ChangeSnapshot, change(newest, ChangeRemove)), "newest good")
	do[any](s, s.ChangeSnapshot, change(old, ChangeRemove))
	require.Contains(t, s.refuses(ErrTypeNoSnapshot, s.ChangeSnapshot, change(old, ChangeRemove)), "planb snapshots acme/web1")
	_, _, err := s.ZFS.TakeSnapshot(t.Context(), s.plan.Dataset, "theirs", nil)
	require.NoError(t, err)
	require.Contains(t, s.refuses(ErrTypeRefused, s.ChangeSnapshot, change("theirs", ChangeRemove)), "not a snapshot of PlanB")
	require.Len(t, s.there(), 2)
}

// A person's hold and that of a guard do not touch each other, and the last
// suspect snapshot that is removed ends the guard's.
func TestHoldsOfPeopleAndOfGuards(t *testing.T) {
	t.Parallel()
	s := suspectServer(t)
	const good = "daily-202611200130"
	until := night.Add(time.Hour)
	change := ChangeSnapshotInput{Plan: s.plan, Snapshot: good, Change: ChangeRelease}
	require.Contains(t, s.refuses(ErrTypeRefused, s.ChangeSnapshot, change), "by a guard")
	require.NotEmpty(t, s.there()[good].Props[zfs.PropHoldReason])

	change.Change, change.Reason, change.Until = ChangeHold, "audit", &until
	do[any](s, s.ChangeSnapshot, change)
	require.Equal(t, 2, s.there()[good].Holds)
	change.Change = ChangeRelease
	do[any](s, s.ChangeSnapshot, change)
	require.Equal(t, 1, s.there()[good].Holds)
	require.Empty(t, s.there()[good].Props[zfs.PropHoldReason], "the reason was the person's")

	for _, name := range []string{"daily-202611210130", "daily-202611220130"} {
		require.Equal(t, 1, s.there()[good].Holds)
		do[any](s, s.ChangeSnapshot, ChangeSnapshotInput{Plan: s.plan, Snapshot: name, Change: ChangeRemove})
	}
	require.Zero(t, s.there()[good].Holds)
}
