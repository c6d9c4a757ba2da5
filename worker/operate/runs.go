package operate

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"planb/internal/catalog"
	"planb/worker"
)

// Story gives the steps that a run has taken so far; none when Temporal does
// not know the run any more. Errors: *UnavailableError.
func (o Operator) Story(ctx context.Context, r catalog.Run) ([]worker.Step, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	steps, err := worker.Story(ctx, o.Temporal, r.WorkflowID, r.ID)
	return steps, unavailable("", err)
}

// Cancel asks a run to end; it does so within seconds, and its record follows.
// Errors: *catalog.RefusedError when it has ended, *UnavailableError.
func (o Operator) Cancel(ctx context.Context, r catalog.Run) error {
	if r.Finished != nil {
		return &catalog.RefusedError{Reason: "the run has ended already, " + r.State}
	}
	_, err := o.noted(ctx, "run.cancel", r.Host, map[string]any{"run": r.ID}, func() (string, error) { return r.ID, o.cancel(ctx, r) })
	return err
}

func (o Operator) cancel(ctx context.Context, r catalog.Run) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := o.Temporal.CancelWorkflow(ctx, r.WorkflowID, r.ID)
	if isGone(err) {
		return &catalog.RefusedError{Reason: "the run has ended already: its record follows within a minute"}
	}
	if err = unavailable("", err); err != nil {
		return fmt.Errorf("cancelling the run: %w", err)
	}
	return nil
}

// EndWait lets a run that its pre-check has put off try again at once. Errors:
// *catalog.RefusedError when it has ended, *UnavailableError.
func (o Operator) EndWait(ctx context.Context, r catalog.Run) error {
	if r.Finished != nil {
		return &catalog.RefusedError{Reason: "the run has ended already, " + r.State}
	}
	_, err := o.noted(ctx, "run.now", r.Host, map[string]any{"run": r.ID}, func() (string, error) { return r.ID, o.endWait(ctx, r) })
	return err
}

func (o Operator) endWait(ctx context.Context, r catalog.Run) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := worker.EndWait(ctx, o.Temporal, r.WorkflowID, r.ID)
	if isGone(err) {
		return &catalog.RefusedError{Reason: "the run has ended already: its record follows within a minute"}
	}
	return unavailable("", err)
}

// isGone says whether Temporal does not know a run, or knows it as closed.
func isGone(err error) bool {
	var gone *serviceerror.NotFound
	return errors.As(err, &gone)
}
