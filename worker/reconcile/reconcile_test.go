package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/protobuf/types/known/timestamppb"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

var (
	web1 = ident.Host{Group: "acme", Name: "web1"}
	now  = time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)
)

// newReconciler gives one whose Temporal is c, and a run under way.
func newReconciler(t *testing.T, c *mocks.Client) (*Reconciler, catalog.RunStart) {
	t.Helper()
	store := catalogtest.Store(t)
	h, err := store.AddHost(t.Context(), catalog.NewHost{Host: web1, Address: "a", AddGroup: true})
	require.NoError(t, err)
	run := catalog.RunStart{
		ID: "11111111-aaaa-4000-8000-000000000001", WorkflowID: "backup/acme/web1", HostID: h.ID, Host: web1,
		Kind: catalog.KindBackup, Trigger: "manual", Started: now,
	}
	require.NoError(t, store.BeginRun(t.Context(), run))
	return &Reconciler{
		Client: c, Catalog: store, Measure: func(context.Context, ident.Host) error { return nil }, Now: func() time.Time { return now.Add(time.Hour) }, Log: slog.New(slog.DiscardHandler),
	}, run
}

func described(status enumspb.WorkflowExecutionStatus) *workflowservice.DescribeWorkflowExecutionResponse {
	info := &workflowpb.WorkflowExecutionInfo{Status: status}
	if status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		info.CloseTime = timestamppb.New(now.Add(time.Minute))
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}
}

func TestRunsGetTheEndThatTemporalTells(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status         enumspb.WorkflowExecutionStatus
		state, message string
	}{
		"running":    {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, policy.StateRunning, ""},
		"terminated": {enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, policy.StateFailed, "terminated in Temporal by an operator"},
		"timed out":  {enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, policy.StateFailed, "timed out in Temporal"},
		"cancelled":  {enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, policy.StateCancelled, "cancelled"},
		"unknown":    {enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, policy.StateFailed, "Temporal does not know this run any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &mocks.Client{}
			r, run := newReconciler(t, c)
			call := c.On("DescribeWorkflowExecution", mock.Anything, run.WorkflowID, run.ID)
			if name == "unknown" {
				call.Return(nil, serviceerror.NewNotFound("no such workflow"))
			} else {
				call.Return(described(tc.status), nil)
			}
			require.NoError(t, r.Runs(t.Context()))
			first, err := r.Catalog.Run(t.Context(), run.ID)
			require.NoError(t, err)
			require.Equal(t, policy.StateRunning, first.State, "a record may be on its way at the first look")
			require.NoError(t, r.Runs(t.Context()))
			got, err := r.Catalog.Run(t.Context(), run.ID)
			require.NoError(t, err)
			require.Equal(t, tc.state, got.State)
			require.Equal(t, tc.message, string(got.Message))
		})
	}
}

// A run whose workflow ended badly after its snapshot had been taken is as good
// as that, whether the pool was looked at before its end or after it.
func TestARunIsAsGoodAsItsSnapshot(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		c := &mocks.Client{}
		r, run := newReconciler(t, c)
		c.On("DescribeWorkflowExecution", mock.Anything, run.WorkflowID, run.ID).
			Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED), nil)
		measure := func(context.Context, ident.Host) error {
			return r.Catalog.ReplaceSnapshots(t.Context(), run.HostID, []catalog.Snapshot{
				{Name: "daily-202611230130", Created: now, State: policy.StateOK, Run: catalog.Text(run.ID)},
			}, now)
		}
		if r.Measure = measure; known {
			require.NoError(t, measure(t.Context(), web1))
		}
		for range 2 {
			require.NoError(t, r.Runs(t.Context()))
		}
		got, err := r.Catalog.Run(t.Context(), run.ID)
		require.NoError(t, err)
		require.Equal(t, policy.StateOK, got.State)
		require.EqualValues(t, "daily-202611230130", got.Snapshot)
		require.EqualValues(t, "terminated in Temporal by an operator; its snapshot daily-202611230130 is on the pool", got.Message)
		h, err := r.Catalog.Host(t.Context(), web1)
		require.NoError(t, err)
		require.NotNil(t, h.LastGood)
	}
}

// A workflow that came to its end while the catalog lost the record of it.
func TestCompletedRunIsRecordedFromItsResult(t *testing.T) {
	t.Parallel()
	c, result := &mocks.Client{}, &mocks.WorkflowRun{}
	r, run := newReconciler(t, c)
	var recorded []activities.Outcome
	r.Record = func(_ context.Context, out activities.Outcome) error { recorded = append(recorded, out); return nil }
	c.On("DescribeWorkflowExecution", mock.Anything, run.WorkflowID, run.ID).
		Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil)
	c.On("GetWorkflow", mock.Anything, run.WorkflowID, run.ID).Return(result)
	result.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		*args.Get(1).(*activities.Outcome) = activities.Outcome{Run: run.ID, State: policy.StateOK}
	}).Return(nil)
	for range 2 {
		require.NoError(t, r.Runs(t.Context()))
	}
	require.Equal(t, []activities.Outcome{{Run: run.ID, State: policy.StateOK}}, recorded)
}

// A workflow that tells something else than how a run ended is done when it
// ended well.
func TestCompletedChangeIsDone(t *testing.T) {
	t.Parallel()
	c, result := &mocks.Client{}, &mocks.WorkflowRun{}
	r, run := newReconciler(t, c)
	require.NoError(t, r.Catalog.FinishRun(t.Context(), run, catalog.RunEnd{State: policy.StateOK, Finished: now}))
	run.ID, run.WorkflowID, run.Kind = "22222222-aaaa-4000-8000-000000000002", "prune/acme/web1/1", catalog.KindPrune
	require.NoError(t, r.Catalog.BeginRun(t.Context(), run))
	c.On("DescribeWorkflowExecution", mock.Anything, run.WorkflowID, run.ID).
		Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil)
	c.On("GetWorkflow", mock.Anything, run.WorkflowID, run.ID).Return(result)
	result.On("Get", mock.Anything, nil).Return(nil)
	result.On("Get", mock.Anything, mock.Anything).Return(errors.New("cannot decode an object into a number"))
	for range 2 {
		require.NoError(t, r.Runs(t.Context()))
	}
	got, err := r.Catalog.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, policy.StateOK, got.State)
}

func TestClaimOfADeadWorkflowIsReleased(t *testing.T) {
	t.Parallel()
	c := &mocks.Client{}
	r, run := newReconciler(t, c)
	_, err := r.Catalog.CloseRun(t.Context(), run.ID, policy.StateOK, now, "", "")
	require.NoError(t, err)
	by := catalog.Claimer{Run: "rename-1", WorkflowID: "rename/acme/web1", For: catalog.ForRename}
	_, err = r.Catalog.ClaimHost(t.Context(), web1, by)
	require.NoError(t, err)
	c.On("DescribeWorkflowExecution", mock.Anything, by.WorkflowID, by.Run).
		Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED), nil)
	for range 2 {
		require.NoError(t, r.Runs(t.Context()))
	}
	claims, err := r.Catalog.HostClaims(t.Context())
	require.NoError(t, err)
	require.Empty(t, claims)
}
