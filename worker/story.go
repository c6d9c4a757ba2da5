package worker

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// Step is one step of a run that is over, or a wait.
type Step struct {
	// Activity is the step's name; empty for a wait.
	Activity string
	// Waited says for what a wait was.
	Waited         string
	Started, Ended time.Time
	// Tries counts from 1. Failure is how the last try that failed ended; Failed
	// says that no later one mended it.
	Tries   int32
	Failure string
	Failed  bool
}

// Story gives the steps that a run has taken so far, from Temporal's history of
// it; none when Temporal does not know the run any more.
func Story(ctx context.Context, c client.Client, workflowID, run string) ([]Step, error) {
	events := c.GetWorkflowHistory(ctx, workflowID, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	b := storyBuilder{open: map[int64]*Step{}}
	for events.HasNext() {
		e, err := events.Next()
		var gone *serviceerror.NotFound
		if errors.As(err, &gone) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		b.take(e)
	}
	return b.steps, nil
}

// storyBuilder follows each step from the event that asked for it, by that
// event's id.
type storyBuilder struct {
	open  map[int64]*Step
	steps []Step
}

func (b *storyBuilder) take(e *historypb.HistoryEvent) {
	at := e.GetEventTime().AsTime()
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		name := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		b.open[e.GetEventId()] = &Step{Activity: name, Started: at, Tries: 1}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		a := e.GetActivityTaskStartedEventAttributes()
		if s := b.open[a.GetScheduledEventId()]; s != nil {
			s.Tries, s.Failure = a.GetAttempt(), failureText(a.GetLastFailure())
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		b.end(e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId(), at, "")
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		a := e.GetActivityTaskFailedEventAttributes()
		b.end(a.GetScheduledEventId(), at, failureText(a.GetFailure()))
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		a := e.GetActivityTaskTimedOutEventAttributes()
		b.end(a.GetScheduledEventId(), at, failureText(a.GetFailure()))
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		b.end(e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId(), at, "cancelled")
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		b.open[e.GetEventId()] = &Step{Waited: summary(e.GetUserMetadata().GetSummary()), Started: at, Tries: 1}
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		b.end(e.GetTimerFiredEventAttributes().GetStartedEventId(), at, "")
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		b.end(e.GetTimerCanceledEventAttributes().GetStartedEventId(), at, "")
	}
}

func (b *storyBuilder) end(id int64, at time.Time, failure string) {
	s := b.open[id]
	if s == nil {
		return
	}
	delete(b.open, id)
	s.Ended = at
	if failure != "" {
		s.Failure, s.Failed = failure, true
	}
	b.steps = append(b.steps, *s)
}

func failureText(f *failurepb.Failure) string {
	if t := f.GetTimeoutFailureInfo(); t != nil {
		return "no sign of life in time (" + t.GetTimeoutType().String() + ")"
	}
	return f.GetMessage()
}

func summary(p *commonpb.Payload) string {
	var text string
	if p == nil || converter.GetDefaultDataConverter().FromPayload(p, &text) != nil {
		return ""
	}
	return text
}
