package operate

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker"
	"planb/workflows"
)

// Restore starts a restore, or with DryRun a preview of one, and gives its run's
// id. Errors: a NotFoundError of the catalog for a host that is not there,
// *UnavailableError.
func (o Operator) Restore(ctx context.Context, in workflows.RestoreInput) (run string, err error) {
	if _, err := o.Catalog.Host(ctx, in.Host); err != nil {
		return "", err
	}
	if in.ToHost != (ident.Host{}) {
		if _, err := o.Catalog.Host(ctx, in.ToHost); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, run, err = worker.StartRestore(ctx, o.Temporal, in)
	return run, unavailable("", err)
}

// RestoreAsked gives what a restore was asked to do, as Temporal has it. Errors:
// *catalog.NotFoundError for a run that Temporal does not know any more,
// *UnavailableError.
func (o Operator) RestoreAsked(ctx context.Context, r catalog.Run) (in workflows.RestoreInput, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	gone := &catalog.NotFoundError{Kind: "restore", Name: r.ID + " in Temporal any more", Hint: "begin again from the files of the host"}
	events := o.Temporal.GetWorkflowHistory(ctx, r.WorkflowID, r.ID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return in, gone
	}
	first, err := events.Next()
	if isGone(err) {
		return in, gone
	}
	if err != nil {
		return in, unavailable("", err)
	}
	started := first.GetWorkflowExecutionStartedEventAttributes()
	if started.GetWorkflowType().GetName() != workflows.RestoreHostName {
		return in, gone
	}
	err = converter.GetDefaultDataConverter().FromPayloads(started.GetInput(), &in)
	if err == nil && in.Host == (ident.Host{}) {
		err = errors.New("what the restore was asked to do is not on record")
	}
	return in, err
}
