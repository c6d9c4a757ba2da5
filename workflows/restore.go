package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// RestoreInput starts RestoreHost.
type RestoreInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a snapshot's name; empty means the newest good one.
	Snapshot string `json:"snapshot,omitempty"`
	// Paths are absolute paths on the host.
	Paths []string `json:"paths"`
	// To is an absolute directory on the storage server.
	To string `json:"to"`
	// Overwrite replaces files that are there already.
	Overwrite bool `json:"overwrite,omitempty"`
}

// RestoreHost brings files of a snapshot back, into a directory on the server
// that owns the snapshot.
func RestoreHost(ctx workflow.Context, in RestoreInput) (activities.Outcome, error) {
	r := &restore{in: in, out: begin(ctx, in.Host, activities.KindRestore, activities.TriggerManual)}
	err := r.run(ctx)
	return r.out, r.finish(ctx, err)
}

// restore is the state of one RestoreHost.
type restore struct {
	in    RestoreInput
	out   activities.Outcome
	plan  activities.RestorePlan
	began bool
}

func (r *restore) run(ctx workflow.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	return r.restore(ctx)
}

// load finds the snapshot and enters the run in the catalog.
func (r *restore) load(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(onControl(ctx, "find the snapshot of "+r.in.Host.String()), activities.LoadRestoreName,
		activities.LoadRestoreInput{
			Host: r.in.Host, Snapshot: r.in.Snapshot, Run: r.out.Run,
			WorkflowID: r.out.WorkflowID, Started: r.out.Started,
		}).Get(ctx, &r.plan)
	if err != nil {
		return err
	}
	r.began = true
	r.out.HostID, r.out.Server, r.out.Dataset, r.out.Snapshot = r.plan.HostID, r.plan.Server, r.plan.Dataset, r.plan.Snapshot
	return nil
}

// restore copies the files.
func (r *restore) restore(ctx workflow.Context) error {
	summary := "restore " + r.in.Host.String() + "@" + r.plan.Snapshot + " to " + r.in.To
	workflow.SetCurrentDetails(ctx, "**restore** "+summary)
	ctx = workflow.WithHeartbeatTimeout(onStorage(ctx, r.plan.Server, summary, restoreTimeout), HeartbeatTimeout)
	err := workflow.ExecuteActivity(ctx, activities.RestoreName, activities.RestoreActivityInput{
		Plan: r.plan, Paths: r.in.Paths, To: r.in.To, Overwrite: r.in.Overwrite,
	}).Get(ctx, &r.out.Pull)
	if err != nil {
		return err
	}
	r.out.State, r.out.Message, r.out.Remedy = r.out.Pull.State, r.out.Pull.Message, r.out.Pull.Remedy
	return nil
}

// finish records how the run ended, also when it was cancelled.
func (r *restore) finish(ctx workflow.Context, cause error) error {
	if cause != nil {
		r.out.State, r.out.Message, r.out.Remedy = policy.StateFailed, activities.Message(cause), activities.Remedy(cause)
		if temporal.IsCanceledError(cause) {
			r.out.State, r.out.Message = policy.StateCancelled, "cancelled; what was restored so far stays in "+r.in.To
		}
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err := recordEnd(ctx, r.out, r.began)
	if cause != nil {
		return cause
	}
	return err
}
