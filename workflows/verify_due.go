package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// verifyHour is how long one VerifyDue starts verifications; the schedule starts
// the next one after an hour.
const verifyHour = 55 * time.Minute

// VerifyDue verifies the hosts whose turn it is, a few at a time on each storage
// server. It ends within the hour; a verification that takes longer goes on
// without it. It gives how many it started.
func VerifyDue(ctx workflow.Context) (started int, err error) {
	var due []activities.VerifyLanes
	err = workflow.ExecuteActivity(onControl(ctx, "find the hosts whose backups are to be verified"), activities.DueVerificationsName).Get(ctx, &due)
	if err != nil {
		return 0, err
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	defer stop()
	over := workflow.NewTimer(timerCtx, verifyHour)
	lanes := workflow.NewWaitGroup(ctx)
	for _, server := range due {
		queue := server.Hosts // shared by the lanes of the server
		for range server.Lanes {
			lanes.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer lanes.Done()
				for len(queue) > 0 && !over.IsReady() {
					host := queue[0]
					queue = queue[1:]
					started += verifyNext(ctx, host, over)
				}
			})
		}
	}
	lanes.Wait(ctx)
	return started, nil
}

// verifyNext starts a verification, and waits for its end or that of the hour.
// How it ends is its own business.
func verifyNext(ctx workflow.Context, host ident.Host, over workflow.Future) (started int) {
	child := workflow.ExecuteChildWorkflow(
		workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            VerifyID(host),
			TaskQueue:             activities.ControlQueue,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
			TypedSearchAttributes: Attributes(host, policy.StateRunning),
			StaticSummary:         "verification of " + host.String() + " (scheduled)",
			Priority:              temporal.Priority{PriorityKey: verifyPriority, FairnessKey: host.Group},
		}),
		VerifyHostName, VerifyInput{Host: host, Trigger: activities.TriggerSchedule})
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("a verification was not started", "host", host.String(), "error", err)
		return 0
	}
	// A cancel ends the wait, and reaches the verification, too.
	_ = workflow.Await(ctx, func() bool { return child.IsReady() || over.IsReady() })
	return 1
}
