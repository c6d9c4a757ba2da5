package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/internal/policy"
)

// suspectPull is a transfer after which most files are other ones.
var suspectPull = activities.PullResult{
	State: policy.StateOK, Counts: &policy.Counts{Files: 1000, Changed: 900},
	Guards: []policy.Tripped{{Guard: policy.GuardChange, Reason: "90 % of the files changed, 900 of 1000; the limit is 50 %."}},
}

// A suspect backup is kept, marked as such from its first moment on, holds the
// last good one, and prunes nothing.
func TestSuspectBackupHoldsTheLastGoodAndPrunesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.SnapshotName, mock.Anything, mock.MatchedBy(func(in activities.SnapshotInput) bool {
		return in.State == policy.StateSuspect && in.Worth == policy.StateOK && in.Guard == suspectPull.Guards[0].Reason
	})).Return(nil).Once()
	e.OnActivity(activities.GuardsName, mock.Anything, mock.MatchedBy(func(in activities.GuardsInput) bool {
		return in.Snapshot == "yearly-202611230130"
	})).Return(activities.GuardsResult{Held: "daily-202611220130"}, nil).Once()
	e.ready(suspectPull)
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StateWarning, out.State)
	require.False(t, out.Good())
	require.Equal(t, "daily-202611220130", out.Held)
	require.Equal(t, suspectPull.Counts, out.Counts)
	require.Contains(t, out.Message, "suspect, by the guard change: 90 % of the files changed")
	require.Contains(t, out.Remedy, "planb host accept acme/web1")
	require.NotContains(t, e.steps, "Prune@storage-store1")
	e.AssertExpectations(t)
}

// What the limit of deletions stopped has every file that the host has: once
// accepted it is good.
func TestStoppedDeletionsAreSuspectNotPartial(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.SnapshotName, mock.Anything, mock.MatchedBy(func(in activities.SnapshotInput) bool {
		return in.State == policy.StateSuspect && in.Worth == policy.StateWarning
	})).Return(nil).Once()
	e.OnActivity(activities.GuardsName, mock.Anything, mock.Anything).Return(activities.GuardsResult{}, nil).Once()
	e.ready(activities.PullResult{
		State: policy.StatePartial, Message: "the limit of deletions was reached", Code: 25, Counts: &policy.Counts{Files: 10, Leftovers: true},
		Guards: []policy.Tripped{{Guard: policy.GuardShrink, Reason: "Shrunk."}, {Guard: policy.GuardDelete, Reason: "Gone."}},
	})
	out := e.backup(activities.TriggerSchedule)
	require.Equal(t, policy.StateWarning, out.State)
	require.Contains(t, out.Message, "by the guards shrink and delete: Shrunk. Gone.")
	e.AssertExpectations(t)
}

// The last good snapshot is held also when the run is cancelled meanwhile.
func TestCancelDoesNotKeepTheLastGoodFromBeingHeld(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.GuardsName, mock.Anything, mock.Anything).Return(activities.GuardsResult{Held: "daily-202611220130"}, nil).Once().
		Run(func(mock.Arguments) { e.CancelWorkflow() })
	e.ready(suspectPull)
	out := e.backup(activities.TriggerSchedule)
	require.Equal(t, "daily-202611220130", out.Held)
	require.False(t, out.Good())
	e.AssertExpectations(t)
}

// A plan that would remove most snapshots is left for a person to agree to.
func TestWithheldPruningIsAWarning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).Return(activities.PruneResult{Kept: 20, Withheld: 17}, nil).Once()
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.Equal(t, policy.StateWarning, out.State)
	require.True(t, out.Good())
	require.Equal(t, "nothing was pruned: 17 of 20 snapshots would go", out.Message)
	require.Contains(t, out.Remedy, "planb prune acme/web1 --dry-run")
}

func TestScarceRoomIsAWarning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Ready: true, Warning: "the storage tank/BACKUP gets full: less than 10 % free"}, nil)
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.Equal(t, policy.StateWarning, out.State)
	require.Contains(t, out.Message, "gets full")
	require.Equal(t, 1, out.Pruned)
}

// While the pool is full the backup waits, like for anything that may pass.
func TestFullPoolPutsOff(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Cause: activities.CauseNoRoom, Reason: "the storage tank/BACKUP is full"}, nil).Once()
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.ready(okPull)
	require.Equal(t, policy.StateOK, e.backup(activities.TriggerSchedule).State)
	require.Equal(t, "the storage tank/BACKUP is full", e.waits[0].Reason)
	require.WithinDuration(t, start.Add(time.Hour), e.Now(), time.Minute)
}

func TestGuardsThatCannotHoldStillTell(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.GuardsName, mock.Anything, mock.Anything).
		Return(activities.GuardsResult{}, temporal.NewNonRetryableApplicationError("zfs said no", activities.ErrTypeRefused, nil))
	e.ready(suspectPull)
	out := e.backup(activities.TriggerSchedule)
	require.Contains(t, out.Message, "the guard change")
	require.Contains(t, out.Message, "the last good snapshot is not held: zfs said no")
	require.False(t, out.Good())
}
