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
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/workflows"
)

// AlreadyRunningError is a workflow of which there is one at a time, and which
// is under way.
type AlreadyRunningError struct {
	// What is e.g. "a backup of acme/web1".
	What, Run string
}

func (e *AlreadyRunningError) Error() string {
	return fmt.Sprintf("%s is under way already (run %s)", e.What, e.Run)
}

// asked is a workflow that a person asked for.
type asked struct {
	id, name, what string
	host           ident.Host
	// summary is what Temporal's pages show of it.
	summary    string
	attributes temporal.SearchAttributes
	in         any
}

// start starts what a person asked for, before what the clock asks for. Errors:
// *AlreadyRunningError, with the id of the run that is under way.
func start(ctx context.Context, c client.Client, a asked) (client.WorkflowRun, error) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        a.id,
		TaskQueue: activities.ControlQueue,
		// Without this the run that is under way would be given as if new.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		TypedSearchAttributes:                    a.attributes,
		StaticSummary:                            a.summary,
		Priority:                                 temporal.Priority{PriorityKey: 1, FairnessKey: a.host.Group},
	}, a.name, a.in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return nil, &AlreadyRunningError{What: a.what, Run: started.RunId}
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", a.what, err)
	}
	return run, nil
}

// StartBackup starts BackupHost and gives its run's id. Errors:
// *AlreadyRunningError, with the id of the run that is under way.
func StartBackup(ctx context.Context, c client.Client, in workflows.BackupInput) (run string, err error) {
	r, err := start(ctx, c, asked{
		id: workflows.BackupID(in.Host), name: workflows.BackupHostName, what: "a backup of " + in.Host.String(), host: in.Host,
		summary:    "backup of " + in.Host.String() + " (" + in.Trigger + ")",
		attributes: workflows.Attributes(in.Host, policy.StateRunning), in: in,
	})
	if err != nil {
		return "", err
	}
	return r.GetRunID(), nil
}

// EndWait ends the wait of a backup that its pre-check has put off.
func EndWait(ctx context.Context, c client.Client, workflowID, run string) error {
	return c.SignalWorkflow(ctx, workflowID, run, workflows.SignalNow, nil)
}

// StartRestore starts RestoreHost and gives its run's id.
func StartRestore(ctx context.Context, c client.Client, in workflows.RestoreInput) (workflowID, run string, err error) {
	r, err := start(ctx, c, asked{
		id: workflows.RestoreID(in.Host, time.Now().UnixMilli()), name: workflows.RestoreHostName,
		what: "a restore of " + in.Host.String(), host: in.Host,
		summary:    "restore of " + in.Host.String() + " to " + in.Where(),
		attributes: workflows.Attributes(in.Host, policy.StateRunning), in: in,
	})
	if err != nil {
		return "", "", err
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
