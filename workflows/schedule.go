package workflows

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// ScheduledInput is what the Temporal Schedule of a host carries.
type ScheduledInput struct {
	Host ident.Host `json:"host"`
	// Fingerprint tells whether the schedule is as the catalog wants it.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// StartScheduledBackup starts BackupHost under its fixed id and ends once that
// runs. A backup that is still under way is a recorded skip, not an error.
func StartScheduledBackup(ctx workflow.Context, in ScheduledInput) (started bool, err error) {
	child := workflow.ExecuteChildWorkflow(
		workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            BackupID(in.Host),
			TaskQueue:             activities.ControlQueue,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
			TypedSearchAttributes: Attributes(in.Host, policy.StateRunning),
			StaticSummary:         "backup of " + in.Host.String() + " (scheduled)",
		}),
		BackupHostName, BackupInput{Host: in.Host, Trigger: activities.TriggerSchedule})
	err = child.GetChildWorkflowExecution().Get(ctx, nil)
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &running) {
		return err == nil, err
	}
	info := workflow.GetInfo(ctx)
	return false, workflow.ExecuteActivity(onControl(ctx, "note that "+in.Host.String()+" was skipped"), activities.RecordSkipName,
		activities.RecordSkipInput{
			Host: in.Host, Run: info.WorkflowExecution.RunID, WorkflowID: info.WorkflowExecution.ID,
			At: info.WorkflowStartTime, Reason: "the backup before it was still under way",
		}).Get(ctx, nil)
}
