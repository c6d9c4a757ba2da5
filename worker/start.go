package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/internal/policy"
	"planb/workflows"
)

// AlreadyRunningError is a host of which a backup is under way.
type AlreadyRunningError struct {
	Host, Run string
}

func (e *AlreadyRunningError) Error() string {
	return fmt.Sprintf("a backup of %s is under way already (run %s)", e.Host, e.Run)
}

// StartBackup starts BackupHost and gives its run's id. Errors:
// *AlreadyRunningError, with the id of the run that is under way.
func StartBackup(ctx context.Context, c client.Client, in workflows.BackupInput) (run string, err error) {
	id := workflows.BackupID(in.Host)
	r, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        id,
		TaskQueue: activities.ControlQueue,
		// Without this the run that is under way would be given as if new.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		TypedSearchAttributes:                    workflows.Attributes(in.Host, policy.StateRunning),
		StaticSummary:                            "backup of " + in.Host.String() + " (" + in.Trigger + ")",
		Priority:                                 temporal.Priority{PriorityKey: 1, FairnessKey: in.Host.Group},
	}, workflows.BackupHostName, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return "", &AlreadyRunningError{Host: in.Host.String(), Run: started.RunId}
	}
	if err != nil {
		return "", fmt.Errorf("starting the backup of %s: %w", in.Host, err)
	}
	return r.GetRunID(), nil
}

// EndWait ends the wait of a backup that its pre-check has put off.
func EndWait(ctx context.Context, c client.Client, workflowID, run string) error {
	return c.SignalWorkflow(ctx, workflowID, run, workflows.SignalNow, nil)
}

// StartRestore starts RestoreHost and gives its run's id.
func StartRestore(ctx context.Context, c client.Client, in workflows.RestoreInput) (workflowID, run string, err error) {
	r, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.RestoreID(in.Host, time.Now().UnixMilli()),
		TaskQueue:                                activities.ControlQueue,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    workflows.Attributes(in.Host, policy.StateRunning),
		StaticSummary:                            "restore of " + in.Host.String() + " to " + in.To,
		Priority:                                 temporal.Priority{PriorityKey: 1, FairnessKey: in.Host.Group},
	}, workflows.RestoreHostName, in)
	if err != nil {
		return "", "", fmt.Errorf("starting the restore of %s: %w", in.Host, err)
	}
	return r.GetID(), r.GetRunID(), nil
}

// RegisterStorages hands the storages of a server to the catalog, through a
// workflow: the server itself has no database.
func RegisterStorages(ctx context.Context, c client.Client, in activities.RegisterInput) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       workflows.RegisterID(in.Server),
		TaskQueue:                activities.ControlQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		StaticSummary:            "storages of " + in.Server,
	}, workflows.RegisterStorageName, in)
	if err != nil {
		return fmt.Errorf("registering the storages of %s: %w", in.Server, err)
	}
	return nil
}

// HasWorker says whether anything polls queue for activities.
func HasWorker(ctx context.Context, c client.Client, queue string) (bool, error) {
	d, err := c.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return false, err
	}
	return len(d.GetPollers()) > 0, nil
}
