package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// HeartbeatTimeout is how long Temporal may be unreachable before a task that
// reports progress counts as lost.
const HeartbeatTimeout = 5 * time.Minute

// onControl is for activities that touch PostgreSQL: short, and tried again
// until the database is back.
func onControl(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.ControlQueue,
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: 24 * time.Hour,
		RetryPolicy:            retry(time.Second, time.Minute),
		Summary:                summary,
	})
}

// onStorage is for work on a dataset, on the server that owns it. Whoever
// cancels waits for it to end: a snapshot half taken is no place to leave.
func onStorage(ctx workflow.Context, server, summary string, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.StorageQueue(server),
		StartToCloseTimeout:    timeout,
		ScheduleToCloseTimeout: 4*time.Hour + timeout,
		RetryPolicy:            retry(5*time.Second, 10*time.Minute),
		WaitForCancellation:    true,
		Summary:                summary,
	})
}

// onIndex is for reading the files of a snapshot, which nothing waits for but
// the end of the run: it is not tried for long.
func onIndex(ctx workflow.Context, server, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.StorageQueue(server),
		StartToCloseTimeout:    activities.IndexTime + 5*time.Minute,
		ScheduleToCloseTimeout: time.Hour,
		HeartbeatTimeout:       HeartbeatTimeout,
		RetryPolicy:            retry(5*time.Second, 10*time.Minute),
		WaitForCancellation:    true,
		Summary:                summary,
	})
}

// onPull is for transfers. How long one is tried again is the activity's own
// decision (window and interval of the host); the bound here is for the whole
// of a first copy of a large host.
func onPull(ctx workflow.Context, server, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.PullQueue(server),
		StartToCloseTimeout:    10 * 24 * time.Hour,
		ScheduleToCloseTimeout: 14 * 24 * time.Hour,
		HeartbeatTimeout:       HeartbeatTimeout,
		RetryPolicy:            retry(30*time.Second, 30*time.Minute),
		WaitForCancellation:    true,
		Summary:                summary,
	})
}

// restoreTimeout bounds one try of a restore.
const restoreTimeout = 5 * 24 * time.Hour

func retry(first, longest time.Duration) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        first,
		BackoffCoefficient:     2,
		MaximumInterval:        longest,
		NonRetryableErrorTypes: activities.PermanentTypes(),
	}
}
