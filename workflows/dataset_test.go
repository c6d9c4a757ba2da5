package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/policy"
)

// datasetEnv is newEnv with the workflows and activities of what people do to
// snapshots. It remembers what was noted.
type datasetEnv struct {
	*env
	loaded []activities.LoadDatasetInput
	noted  []activities.NoteInput
}

func newDatasetEnv(t *testing.T) *datasetEnv {
	t.Helper()
	e := &datasetEnv{env: newEnv(t)}
	e.RegisterWorkflowWithOptions(PruneHost, workflow.RegisterOptions{Name: PruneHostName})
	e.RegisterWorkflowWithOptions(DecideHost, workflow.RegisterOptions{Name: DecideHostName})
	e.RegisterWorkflowWithOptions(ChangeSnapshot, workflow.RegisterOptions{Name: ChangeSnapshotName})
	for name, do := range map[string]any{
		activities.LoadDatasetName: func(_ context.Context, in activities.LoadDatasetInput) (activities.Plan, error) {
			e.loaded = append(e.loaded, in)
			return e.plan, nil
		},
		activities.NoteName: func(_ context.Context, in activities.NoteInput) error {
			e.noted = append(e.noted, in)
			return nil
		},
		activities.PlanPruneName: func(context.Context, activities.Plan) (activities.PrunePlan, error) { panic("not mocked") },
		activities.DecideName: func(context.Context, activities.DecideInput) (activities.DecideResult, error) {
			panic("not mocked")
		},
		activities.ChangeSnapshotName: func(context.Context, activities.ChangeSnapshotInput) error { panic("not mocked") },
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	e.OnActivity(activities.MeasureName, mock.Anything, mock.Anything).Return(activities.Measured{Used: 42}, nil).Maybe()
	e.OnActivity(activities.PlanPruneName, mock.Anything, mock.Anything).Return(activities.PrunePlan{Snapshots: []activities.PlannedSnapshot{
		{Snapshot: "daily-202611220130", Action: policy.ActionKeep, Reasons: []string{"newest good"}},
		{Snapshot: "daily-202611210130", Action: policy.ActionRemove, Reasons: []string{"not needed for 1d"}},
	}}, nil).Maybe()
	return e
}

func TestDryPruneOnlyPlansAndIsNoRun(t *testing.T) {
	t.Parallel()
	e := newDatasetEnv(t)
	e.ExecuteWorkflow(PruneHostName, PruneInput{Host: web1, Dry: true})
	require.NoError(t, e.GetWorkflowError())
	var out PruneOutcome
	require.NoError(t, e.GetWorkflowResult(&out))
	require.Equal(t, 1, out.Plan.Removals())
	require.Equal(t, []string{"LoadDataset@planb", "PlanPrune@storage-store1"}, e.steps)
	require.Empty(t, e.loaded[0].Kind)
}

func TestPruneIsARunAndNotesWhoAsked(t *testing.T) {
	t.Parallel()
	e := newDatasetEnv(t)
	e.OnActivity(activities.PruneName, mock.Anything, mock.MatchedBy(func(in activities.PruneInput) bool { return in.Agreed })).
		Return(activities.PruneResult{Removed: []string{"daily-202611210130"}, Kept: 1}, nil).Once()
	e.ExecuteWorkflow(PruneHostName, PruneInput{Host: web1, Agreed: true, Actor: "root (cli)"})
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, activities.KindPrune, e.loaded[0].Kind)
	require.Equal(t, policy.StateOK, e.recorded[0].State)
	require.Equal(t, "1 snapshots removed, 1 kept", e.recorded[0].Message)
	require.EqualValues(t, 42, e.recorded[0].Measured.Used)
	require.Equal(t, "host.prune", e.noted[0].Action)
	require.Equal(t, "root (cli)", e.noted[0].Actor)
}

func TestFailedPruneIsRecorded(t *testing.T) {
	t.Parallel()
	e := newDatasetEnv(t)
	e.OnActivity(activities.PruneName, mock.Anything, mock.Anything).
		Return(activities.PruneResult{}, temporal.NewNonRetryableApplicationError("zfs said no", activities.ErrTypeRefused, nil))
	e.ExecuteWorkflow(PruneHostName, PruneInput{Host: web1})
	require.Error(t, e.GetWorkflowError())
	require.Equal(t, policy.StateFailed, e.recorded[0].State)
	require.Equal(t, "zfs said no", e.recorded[0].Message)
	require.Empty(t, e.noted)
}

func TestDecisionIsNotedWithWhatThePoolIsLikeAfterIt(t *testing.T) {
	t.Parallel()
	e := newDatasetEnv(t)
	e.OnActivity(activities.DecideName, mock.Anything, mock.Anything).
		Return(activities.DecideResult{Snapshots: []string{"daily-202611230130"}}, nil).Once()
	e.ExecuteWorkflow(DecideHostName, DecideInput{Host: web1, Verdict: activities.VerdictAccept, Actor: "alice (cli)"})
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, []string{"LoadDataset@planb", "Decide@storage-store1", "Measure@storage-store1", "Note@planb"}, e.steps)
	require.Equal(t, "host.accept", e.noted[0].Action)
	require.Equal(t, "alice (cli)", e.noted[0].Actor)
	require.EqualValues(t, 42, e.noted[0].Measured.Used)
}

func TestRefusedChangeOfASnapshotIsNotNoted(t *testing.T) {
	t.Parallel()
	e := newDatasetEnv(t)
	e.OnActivity(activities.ChangeSnapshotName, mock.Anything, mock.Anything).
		Return(temporal.NewNonRetryableApplicationError("it is held", activities.ErrTypeRefused, nil)).Once()
	e.ExecuteWorkflow(ChangeSnapshotName, ChangeSnapshotInput{Host: web1, Snapshot: "daily-202611230130", Change: activities.ChangeRemove})
	require.Equal(t, "it is held", activities.Message(e.GetWorkflowError()))
	require.Empty(t, e.noted)
}
