package worker

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"planb/activities"
)

// Status is what Temporal knows of a run at one moment.
type Status struct {
	// Ended says that the workflow is closed, however it ended.
	Ended bool
	// Progress is that of the transfer under way; nil without one.
	Progress *activities.Progress
	// Activity is the step under way, by the name of its activity.
	Activity string
	// Attempt is how often it was tried; Failure how the last try ended.
	Attempt int32
	Failure string
	// Waiting says that no worker has taken the step yet.
	Waiting bool
}

// Look asks Temporal how a run does. A run that Temporal does not know any
// more has ended.
func Look(ctx context.Context, c client.Client, workflowID, run string) (Status, error) {
	d, err := c.DescribeWorkflowExecution(ctx, workflowID, run)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return Status{Ended: true}, nil
	}
	if err != nil {
		return Status{}, err
	}
	s := Status{Ended: d.GetWorkflowExecutionInfo().GetCloseTime() != nil}
	for _, a := range d.GetPendingActivities() {
		s.Activity, s.Attempt = a.GetActivityType().GetName(), a.GetAttempt()
		s.Waiting = a.GetLastStartedTime() == nil
		s.Failure = a.GetLastFailure().GetMessage()
		if a.GetHeartbeatDetails() != nil {
			var p activities.Progress
			if converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &p) == nil {
				s.Progress = &p
			}
		}
	}
	return s, nil
}

// Watch looks every so often, and calls seen each time, until the run has
// ended or ctx does.
func Watch(ctx context.Context, c client.Client, workflowID, run string, every time.Duration, seen func(Status)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s, err := Look(ctx, c, workflowID, run)
		if err != nil {
			return err
		}
		seen(s)
		if s.Ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// FailureOf gives the error that a run which has ended ended with.
func FailureOf(ctx context.Context, c client.Client, workflowID, run string) error {
	return c.GetWorkflow(ctx, workflowID, run).Get(ctx, nil)
}
