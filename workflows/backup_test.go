package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

var (
	web1  = ident.Host{Group: "acme", Name: "web1"}
	start = time.Date(2026, 11, 23, 1, 30, 20, 0, time.UTC)
)

// env is the test environment with every activity of a backup known and, until
// a test says otherwise, successful. It remembers what was recorded.
type env struct {
	*testsuite.TestWorkflowEnvironment
	plan     activities.Plan
	recorded []activities.Outcome
	waits    []activities.RecordWaitingInput
	steps    []string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := &env{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	e.plan = activities.Plan{
		Run: "run", HostID: "id", Host: web1, Server: "store1", Storage: "tank/BACKUP", Dataset: "tank/BACKUP/acme/web1",
		Transport: activities.TransportSSH, Trigger: activities.TriggerSchedule,
		Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{}),
	}
	e.RegisterWorkflowWithOptions(BackupHost, workflow.RegisterOptions{Name: BackupHostName})
	known := map[string]any{
		activities.LoadName: func(context.Context, activities.LoadInput) (activities.Plan, error) { return e.plan, nil },
		activities.PreCheckName: func(context.Context, activities.PreCheckInput) (activities.PreCheckResult, error) {
			panic("not mocked")
		},
		activities.PinHostKeysName:   func(context.Context, activities.PinHostKeysInput) error { panic("not mocked") },
		activities.PrepareName:       func(context.Context, activities.Plan) (activities.Prepared, error) { panic("not mocked") },
		activities.PullName:          func(context.Context, activities.PullInput) (activities.PullResult, error) { panic("not mocked") },
		activities.SnapshotName:      func(context.Context, activities.SnapshotInput) error { panic("not mocked") },
		activities.SnapshotTakenName: func(context.Context, activities.SnapshotInput) (bool, error) { panic("not mocked") },
		activities.PruneName:         func(context.Context, activities.PruneInput) (activities.PruneResult, error) { panic("not mocked") },
		activities.GuardsName:        func(context.Context, activities.GuardsInput) (activities.GuardsResult, error) { panic("not mocked") },
		activities.MeasureName:       func(context.Context, activities.Plan) (activities.Measured, error) { panic("not mocked") },
		activities.IndexName:         func(context.Context, activities.Plan) (activities.Indexed, error) { panic("not mocked") },
		activities.RecordName: func(_ context.Context, out activities.Outcome) error {
			e.recorded = append(e.recorded, out)
			return nil
		},
		activities.RecordWaitingName: func(_ context.Context, in activities.RecordWaitingInput) error {
			e.waits = append(e.waits, in)
			return nil
		},
	}
	for name, do := range known {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	e.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		e.steps = append(e.steps, info.ActivityType.Name+"@"+info.TaskQueue)
	})
	return e
}

// ready lets the steps after the pre-check succeed, the pull with res.
func (e *env) ready(res activities.PullResult) {
	e.OnActivity(activities.PrepareName, mock.Anything, mock.Anything).Return(activities.Prepared{Data: "/tank/data"}, nil).Maybe()
	e.OnActivity(activities.PullName, mock.Anything, mock.Anything).Return(res, nil).Maybe()
	e.OnActivity(activities.SnapshotName, mock.Anything, mock.Anything).Return(nil).Maybe()
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).Return(activities.PruneResult{Removed: []string{"daily-x"}}, nil).Maybe()
	e.OnActivity(activities.MeasureName, mock.Anything, mock.Anything).Return(activities.Measured{Used: 42}, nil).Maybe()
	e.OnActivity(activities.IndexName, mock.Anything, mock.Anything).Return(activities.Indexed{}, nil).Maybe()
}

func (e *env) backup(trigger string) activities.Outcome {
	e.plan.Trigger = trigger
	e.ExecuteWorkflow(BackupHost, BackupInput{Host: web1, Trigger: trigger})
	if len(e.recorded) == 0 {
		return activities.Outcome{}
	}
	return e.recorded[len(e.recorded)-1]
}

var okPull = activities.PullResult{State: policy.StateOK, FilesTotal: 3}

func TestBackupTakesEachStepOnItsQueue(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StateOK, out.State)
	require.Equal(t, "yearly-202611230130", out.Snapshot)
	require.Equal(t, 1, out.Pruned)
	require.EqualValues(t, 42, out.Measured.Used)
	require.Equal(t, []string{
		"Load@planb", "PreCheck@storage-store1", "Prepare@storage-store1", "Pull@pull-store1",
		"Snapshot@storage-store1", "Prune@storage-store1", "Measure@storage-store1", "Index@storage-store1", "Record@planb",
	}, e.steps)
}

// The names of a host's second and third snapshot follow from the first, also
// within one minute.
func TestSnapshotNames(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepared activities.Prepared
		keep     string
		want     string
	}{
		"first of a day": {activities.Prepared{PreviousGood: start.AddDate(0, 0, -1), Newest: []string{"yearly-202611220130"}}, "", "weekly-202611230130"},
		"same minute":    {activities.Prepared{PreviousGood: start, Newest: []string{"daily-202611230130"}}, "", "hourly-202611230131"},
		"kept by hand":   {activities.Prepared{PreviousGood: start}, "release-1", "keep-release-1-202611230130"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
			e.OnActivity(activities.PrepareName, mock.Anything, mock.Anything).Return(tc.prepared, nil)
			e.ready(okPull)
			e.ExecuteWorkflow(BackupHost, BackupInput{Host: web1, Trigger: activities.TriggerManual, Keep: tc.keep})
			require.NoError(t, e.GetWorkflowError())
			require.Equal(t, tc.want, e.recorded[0].Snapshot)
		})
	}
}

func TestFirstContactPinsTheHostKeys(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	keys := []string{"ssh-ed25519 AAAA"}
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true, LearnedKeys: keys}, nil)
	e.OnActivity(activities.PinHostKeysName, mock.Anything, activities.PinHostKeysInput{Host: web1, HostID: "id", Keys: keys}).Return(nil).Once()
	e.OnActivity(activities.PullName, mock.Anything, mock.MatchedBy(func(in activities.PullInput) bool {
		return len(in.Plan.HostKeys) == 1 && in.Plan.HostKeys[0] == keys[0]
	})).Return(okPull, nil).Once()
	e.ready(okPull)
	require.Equal(t, policy.StateOK, e.backup(activities.TriggerSchedule).State)
	e.AssertExpectations(t)
}

// A host that asks not to be backed up is asked again after a 24th of its
// interval, and the wait is on record with its reason.
func TestPutOffIsNotFailed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Cause: activities.CauseDoNotRun, Reason: "dump under way"}, nil).Twice()
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StateOK, out.State)
	require.Equal(t, "yearly-202611230330", out.Snapshot)
	require.Len(t, e.waits, 4)
	require.Equal(t, "dump under way", e.waits[0].Reason)
	require.Equal(t, start.Add(time.Hour), e.waits[0].Next.UTC())
	require.Nil(t, e.waits[1].Next)
}

func TestWaitFailsAfterTwoIntervals(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	lastGood := start.Add(-40 * time.Hour)
	e.plan.LastGood = &lastGood
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Cause: activities.CauseUnreachable, Reason: "web1 does not answer"}, nil)
	out := e.backup(activities.TriggerSchedule)
	require.Error(t, e.GetWorkflowError())
	require.Equal(t, policy.StateFailed, out.State)
	require.Contains(t, out.Message, "web1 does not answer")
	require.Empty(t, out.Snapshot)
	require.WithinDuration(t, lastGood.Add(48*time.Hour), e.Now(), time.Hour)
}

func TestByHandAnUnreachableHostFailsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Cause: activities.CauseUnreachable, Reason: "web1 does not answer"}, nil).Once()
	out := e.backup(activities.TriggerManual)
	require.Equal(t, policy.StateFailed, out.State)
	require.Equal(t, start, e.Now().UTC())
	e.AssertExpectations(t)
}

func TestNowEndsTheWait(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.MatchedBy(func(in activities.PreCheckInput) bool { return !in.Now })).
		Return(activities.PreCheckResult{Cause: activities.CauseDoNotRun, Reason: "dump under way"}, nil).Once()
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.MatchedBy(func(in activities.PreCheckInput) bool { return in.Now })).
		Return(activities.PreCheckResult{Ready: true}, nil).Once()
	e.ready(okPull)
	e.RegisterDelayedCallback(func() { e.SignalWorkflow(SignalNow, nil) }, 10*time.Minute)
	out := e.backup(activities.TriggerSchedule)
	require.Equal(t, policy.StateOK, out.State)
	require.Equal(t, "yearly-202611230140", out.Snapshot)
}

// A partial pull is kept as a snapshot, but nothing is pruned after it.
func TestPartialNeverPrunes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).Return(activities.PruneResult{}, errors.New("must not run")).Never()
	e.ready(activities.PullResult{State: policy.StatePartial, Message: "3 files could not be read", Failed: 3})
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StatePartial, out.State)
	require.NotEmpty(t, out.Snapshot)
	require.Equal(t, "3 files could not be read", out.Message)
	require.NotContains(t, e.steps, "Prune@storage-store1")
}

func TestFailedPullMakesNoSnapshotAndIsRecorded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.PrepareName, mock.Anything, mock.Anything).Return(activities.Prepared{}, nil)
	e.OnActivity(activities.PullName, mock.Anything, mock.Anything).Return(activities.PullResult{},
		temporal.NewApplicationErrorWithOptions("the pool is full", activities.ErrTypeNoSpace,
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{"make room"}})).Once()
	out := e.backup(activities.TriggerSchedule)
	require.Error(t, e.GetWorkflowError())
	require.Equal(t, policy.StateFailed, out.State)
	require.Equal(t, "the pool is full", out.Message)
	require.Equal(t, "make room", out.Remedy)
	require.Empty(t, out.Snapshot)
	e.AssertExpectations(t)
}

// What fails after the snapshot makes a warning of a backup that is made.
func TestFailedPruneIsAWarning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).
		Return(activities.PruneResult{}, temporal.NewNonRetryableApplicationError("zfs said no", activities.ErrTypeRefused, nil))
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StateWarning, out.State)
	require.Contains(t, out.Message, "old snapshots were not removed: zfs said no")
}

// A cancel in the middle of the wait still records its end.
func TestCancelIsRecorded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
		Return(activities.PreCheckResult{Cause: activities.CauseDoNotRun, Reason: "dump under way"}, nil)
	e.RegisterDelayedCallback(e.CancelWorkflow, 10*time.Minute)
	out := e.backup(activities.TriggerSchedule)
	require.True(t, temporal.IsCanceledError(e.GetWorkflowError()))
	require.Equal(t, policy.StateCancelled, out.State)
	require.Empty(t, out.Snapshot)
}

// A cancel after the snapshot leaves it taken, and on record with the others.
func TestCancelAfterTheSnapshotStillListsIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).
		Return(activities.PruneResult{}, temporal.NewCanceledError()).Once().
		Run(func(mock.Arguments) { e.CancelWorkflow() })
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.NotEmpty(t, out.Snapshot)
	require.Equal(t, policy.StateOK, out.State)
	require.Contains(t, out.Message, "cancelled after the snapshot was taken")
	require.NotNil(t, out.Measured)
}

// That a try of the snapshot did not tell how it ended does not mean that there
// is none: the pool is asked.
func TestASnapshotOfATryThatToldNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		cancel bool
		there  bool
		asked  error
		state  string
		says   string
	}{
		"cancelled, and there":     {temporal.NewCanceledError(), true, true, nil, policy.StateOK, "cancelled after the snapshot was taken"},
		"cancelled, and not there": {temporal.NewCanceledError(), true, false, nil, policy.StateCancelled, "cancelled before a snapshot was taken"},
		"failed, and there":        {errNoMore, false, true, nil, policy.StateOK, ""},
		"failed, and not there":    {errNoMore, false, false, nil, policy.StateFailed, "no more tries"},
		"nobody knows":             {temporal.NewCanceledError(), true, false, errNoMore, policy.StateCancelled, "cancelled while the snapshot was being taken; the storage server could not be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
			e.OnActivity(activities.SnapshotName, mock.Anything, mock.Anything).Return(tc.err).Once().
				Run(func(mock.Arguments) {
					if tc.cancel {
						e.CancelWorkflow()
					}
				})
			e.OnActivity(activities.SnapshotTakenName, mock.Anything, mock.Anything).Return(tc.there, tc.asked).Once()
			e.ready(okPull)
			out := e.backup(activities.TriggerSchedule)
			require.Equal(t, tc.state, out.State)
			require.Contains(t, out.Message, tc.says)
			require.Equal(t, tc.there, out.Snapshot != "")
			require.Equal(t, tc.there, out.Measured != nil, "what is there is listed")
			e.AssertExpectations(t)
		})
	}
}

var errNoMore = temporal.NewNonRetryableApplicationError("no more tries", activities.ErrTypePull, nil)

// A backup is not worth less for a catalog that was away for a day: its outcome
// is the result, for the reconciler to record.
func TestABackupThatCouldNotBeRecordedIsMade(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.RecordName, mock.Anything, mock.Anything).Return(errors.New("no database"))
	e.ready(okPull)
	e.ExecuteWorkflow(BackupHost, BackupInput{Host: web1, Trigger: activities.TriggerManual})
	require.NoError(t, e.GetWorkflowError())
	var out activities.Outcome
	require.NoError(t, e.GetWorkflowResult(&out))
	require.Equal(t, policy.StateOK, out.State)
	require.NotEmpty(t, out.Snapshot)
	require.NotNil(t, out.Measured)
}

// An index that cannot be brought up to date takes nothing from the backup but
// its flawlessness.
func TestIndexThatFailsIsAWarning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).Return(activities.PreCheckResult{Ready: true}, nil)
	e.OnActivity(activities.IndexName, mock.Anything, mock.Anything).
		Return(activities.Indexed{}, temporal.NewNonRetryableApplicationError("no room for it", activities.ErrTypeRefused, nil))
	e.ready(okPull)
	out := e.backup(activities.TriggerSchedule)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, policy.StateWarning, out.State)
	require.Equal(t, "its files are not indexed yet: no room for it", out.Message)
	require.NotNil(t, out.Measured)
}

// What is merely to be said makes no warning of a run.
func TestWhatThePreCheckSays(t *testing.T) {
	t.Parallel()
	for _, warning := range []string{"", "the storage gets full"} {
		e := newEnv(t)
		e.OnActivity(activities.PreCheckName, mock.Anything, mock.Anything).
			Return(activities.PreCheckResult{Ready: true, Warning: warning, Notice: "nobody knows"}, nil)
		e.ready(okPull)
		out := e.backup(activities.TriggerSchedule)
		require.Equal(t, map[string]string{"": policy.StateOK, "the storage gets full": policy.StateWarning}[warning], out.State)
		require.Equal(t, joinSentences(warning, "nobody knows"), out.Message)
	}
}
