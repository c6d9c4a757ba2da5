package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// ReportsDue mails what is due: the digest of the day and the reports of months
// that are over. It ends once they have begun; how they end is their own
// business. It gives how many it started.
func ReportsDue(ctx workflow.Context) (started int, err error) {
	var due []activities.ReportInput
	err = workflow.ExecuteActivity(onReport(ctx), activities.DueReportsName).Get(ctx, &due)
	if err != nil {
		return 0, err
	}
	children := make([]workflow.ChildWorkflowFuture, len(due))
	for i, in := range due {
		children[i] = workflow.ExecuteChildWorkflow(
			workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
				WorkflowID:        ReportID(in.ReportOf),
				TaskQueue:         activities.ControlQueue,
				ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
				StaticSummary:     in.Name() + " (scheduled)",
				Priority:          temporal.Priority{PriorityKey: 5, FairnessKey: string(in.Group)},
			}),
			ReportName(in.ReportOf), in)
	}
	for i, child := range children {
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("a report was not begun", "report", due[i].Name(), "error", err)
			continue
		}
		started++
	}
	return started, nil
}
