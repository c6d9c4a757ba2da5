package operate_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/worker/operate"
	"planb/workflows"
)

// What is started or cancelled is on record before Temporal hears of it, and
// what came of it is added.
func TestNothingIsStartedWithoutARecord(t *testing.T) {
	t.Parallel()
	store := catalogtest.Store(t)
	ctx := catalog.WithActor(t.Context(), "alice (web)")
	web1 := ident.Host{Group: "acme", Name: "web1"}
	_, err := store.AddHost(ctx, catalog.NewHost{Host: web1, Address: "192.0.2.1", AddGroup: true})
	require.NoError(t, err)
	last := func() (e catalog.AuditEntry, detail map[string]any) {
		t.Helper()
		found, err := store.Audit(t.Context(), "acme/web1", 1)
		require.NoError(t, err)
		require.Equal(t, "alice (web)", found[0].Actor)
		require.NoError(t, json.Unmarshal(found[0].Detail, &detail))
		return found[0], detail
	}

	tc := &mocks.Client{}
	o := operate.Operator{Catalog: store, Temporal: tc}
	run := &mocks.WorkflowRun{}
	run.On("GetRunID").Return("run-1")
	run.On("GetID").Return("backup/acme/web1")
	seen := func(action string) func(mock.Arguments) {
		return func(mock.Arguments) {
			e, detail := last()
			require.Equal(t, action, e.Action)
			require.NotContains(t, detail, "error")
		}
	}
	start := tc.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.BackupHostName, mock.Anything).Run(seen("host.backup")).Return(run, nil)
	_, err = o.BackUp(ctx, web1, operate.How{Keep: "before-move"})
	require.NoError(t, err)
	_, detail := last()
	require.Equal(t, map[string]any{"keep": "before-move", "run": "run-1"}, detail)

	start.Unset()
	tc.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("away"))
	_, err = o.Verify(ctx, workflows.VerifyInput{Host: web1, Trigger: activities.TriggerManual})
	require.Error(t, err)
	e, detail := last()
	require.Equal(t, "host.verify", e.Action)
	require.Contains(t, detail["error"], "Temporal does not answer")

	r := catalog.Run{ID: "run-1", WorkflowID: "backup/acme/web1", Host: "acme/web1"}
	tc.On("CancelWorkflow", mock.Anything, r.WorkflowID, r.ID).Run(seen("run.cancel")).Return(nil)
	require.NoError(t, o.Cancel(ctx, r))
	require.Len(t, tc.Calls, 3)

	// Without the catalog nothing reaches Temporal.
	gone, stop := context.WithDeadline(ctx, time.Now())
	defer stop()
	require.Error(t, o.Cancel(gone, r))
	require.Error(t, o.EndWait(gone, r))
	require.Len(t, tc.Calls, 3)
}
