package operate

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker"
	"planb/workflows"
)

// Begun is a run that has begun. The zero value is something for which there was
// nothing to wait: it is done.
type Begun struct{ WorkflowID, Run string }

// begin starts a workflow without waiting for it. Errors: those of start, and
// *UnavailableError.
func begin(ctx context.Context, start func(context.Context) (client.WorkflowRun, error)) (Begun, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run, err := start(ctx)
	if err != nil {
		return Begun{}, unavailable("", err)
	}
	return Begun{run.GetID(), run.GetRunID()}, nil
}

// BeginRename begins to give a host another name, as Rename does. Errors: those
// of the catalog, *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) BeginRename(ctx context.Context, host, to ident.Host, actor string) (Begun, error) {
	done, err := o.renameRecord(ctx, host, to)
	if done || err != nil {
		return Begun{}, err
	}
	return begin(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartRename(ctx, o.Temporal, workflows.RenameInput{Host: host, To: to, Actor: actor})
	})
}

// renameRecord renames a host of which nothing is on a storage, and says whether
// it did: there is nothing to wait for then.
func (o Operator) renameRecord(ctx context.Context, host, to ident.Host) (done bool, err error) {
	h, err := o.Catalog.Host(ctx, host)
	if err != nil {
		return false, err
	}
	if err := o.Catalog.CheckRename(ctx, h, to); err != nil {
		return false, err
	}
	if h.Dataset != "" {
		return false, nil
	}
	if _, err := o.Catalog.RenameHost(ctx, h.ID, to, "", ""); err != nil {
		return false, err
	}
	return true, o.Reschedule(ctx, "the host is renamed", host, to)
}

// BeginRemove begins to forget a host, as Remove does. Errors: those of the
// catalog, *UnavailableError.
func (o Operator) BeginRemove(ctx context.Context, host ident.Host, purge bool, actor string) (Begun, error) {
	done, err := o.removeRecord(ctx, host, purge)
	if done || err != nil {
		return Begun{}, err
	}
	return begin(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartDelete(ctx, o.Temporal, workflows.DeleteInput{Host: host, Purge: purge, Actor: actor})
	})
}

// removeRecord forgets a host of which nothing is on a storage, and says whether
// it did.
func (o Operator) removeRecord(ctx context.Context, host ident.Host, purge bool) (done bool, err error) {
	h, err := o.Catalog.Host(ctx, host)
	if err != nil {
		return false, err
	}
	if purge {
		snaps, err := o.Catalog.Snapshots(ctx, host)
		if err == nil {
			err = MayPurge(snaps)
		}
		if err != nil {
			return false, err
		}
	}
	if h.Dataset != "" {
		return false, nil
	}
	if _, err := o.Catalog.RemoveHost(ctx, h.ID, ""); err != nil {
		return false, err
	}
	return true, o.Reschedule(ctx, "the host is removed", host)
}

// BeginProbe begins to look whether a host could be backed up. Errors: those of
// the catalog, *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) BeginProbe(ctx context.Context, in workflows.ProbeInput) (Begun, error) {
	if _, err := o.Catalog.Host(ctx, in.Host); err != nil {
		return Begun{}, err
	}
	return begin(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartProbe(ctx, o.Temporal, in)
	})
}

// BeginDecide begins to carry out what a person decided about suspect snapshots.
// Errors: those of the catalog, *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) BeginDecide(ctx context.Context, in workflows.DecideInput) (Begun, error) {
	if _, err := o.Catalog.Host(ctx, in.Host); err != nil {
		return Begun{}, err
	}
	return begin(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartDecide(ctx, o.Temporal, in)
	})
}

// Outcome is how a run does, and once it has ended what came of it.
type Outcome struct {
	worker.Status
	// Failed is why it ended badly; nil otherwise.
	Failed error
}

// Outcome looks at a run, and reads what it gave into out once it has ended
// well. Errors: *catalog.NotFoundError for one that Temporal does not know any
// more, *UnavailableError.
func (o Operator) Outcome(ctx context.Context, b Begun, out any) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	status, err := worker.Look(ctx, o.Temporal, b.WorkflowID, b.Run)
	if err != nil || !status.Ended {
		return Outcome{Status: status}, unavailable("", err)
	}
	err = o.Temporal.GetWorkflow(ctx, b.WorkflowID, b.Run).Get(ctx, out)
	if isGone(err) {
		return Outcome{}, &catalog.NotFoundError{Kind: "run", Name: b.Run + " in Temporal any more", Hint: "see `planb runs`"}
	}
	if away := unavailable("", err); away != err {
		return Outcome{}, away
	}
	return Outcome{Status: status, Failed: err}, nil
}
