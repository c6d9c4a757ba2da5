package operate

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/internal/catalog"
)

// answerPatience is how long a person is let wait for what takes moments; the
// slowest is a look at a host that does not answer.
const answerPatience = 30 * time.Second

// UnderWayError is something that has begun and takes longer than a person
// waits for it. It goes on.
type UnderWayError struct {
	// What is e.g. "the rename of acme/web1".
	What, Run string
}

// Error is a sentence with what to do.
func (e *UnderWayError) Error() string {
	return e.What + " has begun and goes on: look again in a moment"
}

// await starts a workflow and reads its result into out (nil for none). Errors:
// *UnderWayError when that takes long, *catalog.RefusedError with what the
// workflow says that a person has to change, *UnavailableError, and those of
// start.
func await(ctx context.Context, what string, start func(context.Context) (client.WorkflowRun, error), out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	run, err := start(ctx)
	if err != nil {
		return unavailable("", err)
	}
	err = run.Get(ctx, out)
	var away *UnavailableError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.As(unavailable("", err), &away):
		return &UnderWayError{What: what, Run: run.GetRunID()}
	case temporal.IsCanceledError(err):
		return &catalog.RefusedError{Reason: what + " was cancelled"}
	}
	text := activities.Message(err)
	if remedy := activities.Remedy(err); remedy != "" {
		text += ": " + remedy
	}
	return &catalog.RefusedError{Reason: strings.TrimSpace(text)}
}
