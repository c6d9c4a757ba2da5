package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// NoticeInput starts DeliverNotice.
type NoticeInput struct {
	// Key is that of a notice in the catalog.
	Key string `json:"key"`
}

// DeliverNotice tells one notice to all that it goes to: each channel on its own,
// tried again for days. Its workflow id is NoticeID, so nobody else delivers it
// meanwhile; and who was told is on record at once, so that done again it tells
// only the others. It never fails: what could not be told is on record, too.
func DeliverNotice(ctx workflow.Context, in NoticeInput) (activities.Told, error) {
	var plan activities.NoticePlan
	err := workflow.ExecuteActivity(onControl(ctx, "see whom to tell"), activities.PlanNoticeName, in.Key).Get(ctx, &plan)
	if err != nil {
		return activities.Told{}, err
	}
	workflow.SetCurrentDetails(ctx, "**"+plan.Kind+"** "+plan.Title)
	ways := make([]workflow.Future, len(plan.Channels))
	for i, channel := range plan.Channels {
		ways[i] = workflow.ExecuteActivity(onNotices(ctx, "tell "+channel), activities.TellName,
			activities.TellInput{Key: in.Key, Channel: channel})
	}
	for i, way := range ways {
		if err := way.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("not everybody was told", "channel", plan.Channels[i], "error", err)
		}
	}
	// What is left is given up, also when an operator cancelled the rest.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var told activities.Told
	err = workflow.ExecuteActivity(onControl(ctx, "note who was told"), activities.FinishNoticeName, in.Key).Get(ctx, &told)
	return told, err
}

// tellFor is how long a notice is tried to be told: a mail server that is down
// over a long weekend is no reason to lose it.
const tellFor = 5 * 24 * time.Hour

// onNotices is for what talks to mail servers and the like. It has a queue of its
// own: however long they hang, backups do not wait behind them.
func onNotices(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.NoticesQueue,
		StartToCloseTimeout:    10 * time.Minute,
		ScheduleToCloseTimeout: tellFor,
		RetryPolicy:            retry(20*time.Second, 15*time.Minute),
		Summary:                summary,
	})
}
