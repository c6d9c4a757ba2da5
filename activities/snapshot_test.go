package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/rsync"
)

// Only a snapshot that carries the run is the one that was to be taken; and what
// its try left undone is done.
func TestSnapshotTaken(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	in := SnapshotInput{Plan: s.plan, Name: "daily-202611230130", State: policy.StateOK, Data: s.dataDir()}
	require.False(t, do[bool](s, s.SnapshotTaken, in))

	do[any](s, s.Snapshot, in)
	require.NoError(t, s.addChanges(s.plan, rsync.Changes{Deleted: 1}))
	require.True(t, do[bool](s, s.SnapshotTaken, in))
	left, err := s.changes(s.plan)
	require.NoError(t, err)
	require.Zero(t, left)

	other := in
	other.Plan.Run = "other"
	require.False(t, do[bool](s, s.SnapshotTaken, other))

	// A try that has not ended may yet take it.
	lock, err := rsync.TryLock(s.dataDir())
	require.NoError(t, err)
	defer lock.Close()
	_, err = try[bool](s, s.SnapshotTaken, in)
	require.Equal(t, ErrTypeLocked, ErrType(err))
}
