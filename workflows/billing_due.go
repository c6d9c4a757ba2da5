package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// BillingDue bills today, and the days before that were missed or not posted. It
// ends with the last of them; how they end is their own business. It gives how
// many it started.
func BillingDue(ctx workflow.Context) (started int, err error) {
	var days []string
	err = workflow.ExecuteActivity(onControl(ctx, "find the days that are to be billed"), activities.DueBillingName).Get(ctx, &days)
	if err != nil {
		return 0, err
	}
	// All at once: a receiver that is away for one day is not to hold up another.
	children := make([]workflow.ChildWorkflowFuture, len(days))
	for i, day := range days {
		children[i] = workflow.ExecuteChildWorkflow(
			workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
				WorkflowID:        BillingID(day),
				TaskQueue:         activities.ControlQueue,
				ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
				StaticSummary:     "billing of " + day + " (scheduled)",
				Priority:          temporal.Priority{PriorityKey: 5},
			}),
			DailyBillingName, activities.BillingInput{Day: day, Trigger: activities.TriggerSchedule})
	}
	for i, child := range children {
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("the billing of a day was not started", "day", days[i], "error", err)
			continue
		}
		started++
		if err := child.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("a day is not billed in full", "day", days[i], "error", err)
		}
	}
	return started, nil
}
