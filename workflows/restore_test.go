package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
)

// restoreEnv runs RestoreHost against activities that tests mock.
type restoreEnv struct {
	*testsuite.TestWorkflowEnvironment
	loaded   activities.LoadRestoreInput
	recorded []activities.Outcome
}

func newRestoreEnv(t *testing.T) *restoreEnv {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := &restoreEnv{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	e.SetStartTime(start)
	e.RegisterWorkflowWithOptions(RestoreHost, workflow.RegisterOptions{Name: RestoreHostName})
	for name, do := range map[string]any{
		activities.LoadRestoreName: func(_ context.Context, in activities.LoadRestoreInput) (activities.RestorePlan, error) {
			e.loaded = in
			return activities.RestorePlan{Run: in.Run, HostID: "id", Host: in.Host, Server: "store1", Dataset: "tank/a", Snapshot: "daily-1"}, nil
		},
		activities.RestoreName: func(context.Context, activities.RestoreActivityInput) (activities.RestoreResult, error) {
			panic("not mocked")
		},
		activities.RecordName: func(_ context.Context, out activities.Outcome) error {
			e.recorded = append(e.recorded, out)
			return nil
		},
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	return e
}

func TestRestoreHost(t *testing.T) {
	t.Parallel()
	e := newRestoreEnv(t)
	in := RestoreInput{
		Host: web1, Paths: activities.Paths{"/etc", "/gr\xfc"}, ToHost: ident.Host{Group: "acme", Name: "web2"}, Prefix: "/srv",
		Overwrite: true, Delete: true, Actor: "alice (cli)",
	}
	e.OnActivity(activities.RestoreName, mock.Anything, mock.Anything).Return(
		func(_ context.Context, got activities.RestoreActivityInput) (activities.RestoreResult, error) {
			require.Equal(t, in.Paths, got.Paths, "with the bytes that they have")
			require.Equal(t, "/srv", got.Prefix)
			require.True(t, got.Overwrite && got.Delete)
			return activities.RestoreResult{
				PullResult: activities.PullResult{State: policy.StateWarning, Message: "kept"}, Restored: rsync.RestoreCounts{New: 3, Kept: 1},
			}, nil
		})
	e.ExecuteWorkflow(RestoreHost, in)
	require.NoError(t, e.GetWorkflowError())
	require.Equal(t, in.ToHost, e.loaded.ToHost)
	require.Equal(t, "alice (cli)", e.loaded.Actor)
	require.Equal(t, map[string]any{
		"paths": []any{"/etc", `/gr\xfc`}, "to": "acme/web2:/srv", "overwrite": true, "delete": true, "dry_run": false,
	}, e.loaded.What)
	require.Len(t, e.recorded, 1)
	require.Equal(t, policy.StateWarning, e.recorded[0].State)
	require.EqualValues(t, 3, e.recorded[0].Restored.New)
}

// A cancel, and what nobody can mend, are on record with what they leave.
func TestRestoreThatEndsBadlyIsRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    RestoreInput
		err   error
		state string
		want  string
	}{
		"cancelled": {RestoreInput{To: "/srv/x"}, temporal.NewCanceledError(), policy.StateCancelled, "stay at /srv/x, each of them whole"},
		"archive":   {RestoreInput{Tar: "/srv/x.tar"}, temporal.NewCanceledError(), policy.StateCancelled, "nothing was written to /srv/x.tar"},
		"dry run":   {RestoreInput{To: "/srv/x", DryRun: true}, temporal.NewCanceledError(), policy.StateCancelled, "cancelled"},
		"refused": {
			RestoreInput{To: "/"},
			temporal.NewNonRetryableApplicationError("/ is no place", activities.ErrTypeRefused, nil, "give a directory"),
			policy.StateFailed, "/ is no place",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newRestoreEnv(t)
			e.OnActivity(activities.RestoreName, mock.Anything, mock.Anything).Return(activities.RestoreResult{}, c.err)
			c.in.Host, c.in.Paths = web1, activities.Paths{"/etc"}
			e.ExecuteWorkflow(RestoreHost, c.in)
			require.Error(t, e.GetWorkflowError())
			require.Len(t, e.recorded, 1)
			require.Equal(t, c.state, e.recorded[0].State)
			require.Contains(t, e.recorded[0].Message, c.want)
		})
	}
}
