package workflows

import (
	"cmp"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// RestoreInput starts RestoreHost. Where to is one of To, Tar and ToHost.
type RestoreInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a snapshot's name; empty means the newest good one.
	Snapshot string `json:"snapshot,omitempty"`
	// Paths are absolute paths on the host.
	Paths activities.Paths `json:"paths"`
	// To is an absolute directory on the storage server, Tar a file there.
	To  string `json:"to,omitempty"`
	Tar string `json:"tar,omitempty"`
	// ToHost is a host to push to; Prefix an absolute directory there, empty for
	// the original place.
	ToHost ident.Host `json:"to_host,omitzero"`
	Prefix string     `json:"prefix,omitempty"`
	// Overwrite replaces files that are there already and differ.
	Overwrite bool `json:"overwrite,omitempty"`
	// Delete removes what is there and not in the snapshot, in directories among
	// Paths.
	Delete bool `json:"delete,omitempty"`
	// DryRun changes nothing and lists in the run's log what would change.
	DryRun bool `json:"dry_run,omitempty"`
	// AsSelf accepts that a worker which is not root gives files in a directory
	// no owners.
	AsSelf bool `json:"as_self,omitempty"`
	// Actor is who asked for it.
	Actor string `json:"actor,omitempty"`
}

// Where is the target in words.
func (in RestoreInput) Where() string {
	switch {
	case in.ToHost == (ident.Host{}):
		return cmp.Or(in.Tar, in.To)
	case in.Prefix == "":
		return in.ToHost.String()
	}
	return in.ToHost.String() + ":" + in.Prefix
}

// what is kept of it in the audit log.
func (in RestoreInput) what() map[string]any {
	return map[string]any{
		"paths": in.Paths.Shown(), "to": in.Where(), "overwrite": in.Overwrite, "delete": in.Delete, "dry_run": in.DryRun,
	}
}

// RestoreHost brings files of a snapshot back, from the server that owns it: into
// a directory or an archive there, or to a host.
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
			ToHost: r.in.ToHost, Actor: r.in.Actor, What: r.in.what(),
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
	summary := "restore " + r.in.Host.String() + "@" + r.plan.Snapshot + " to " + r.in.Where()
	workflow.SetCurrentDetails(ctx, "**restore** "+summary)
	ctx = workflow.WithHeartbeatTimeout(onStorage(ctx, r.plan.Server, summary, restoreTimeout), HeartbeatTimeout)
	var res activities.RestoreResult
	err := workflow.ExecuteActivity(ctx, activities.RestoreName, activities.RestoreActivityInput{
		Plan: r.plan, Paths: r.in.Paths, To: r.in.To, Tar: r.in.Tar, Prefix: r.in.Prefix,
		Overwrite: r.in.Overwrite, Delete: r.in.Delete, DryRun: r.in.DryRun, AsSelf: r.in.AsSelf,
	}).Get(ctx, &res)
	if err != nil {
		return err
	}
	r.out.Pull, r.out.Restored = res.PullResult, &res.Restored
	r.out.State, r.out.Message, r.out.Remedy = r.out.Pull.State, r.out.Pull.Message, r.out.Pull.Remedy
	return nil
}

// finish records how the run ended, also when it was cancelled.
func (r *restore) finish(ctx workflow.Context, cause error) error {
	if cause != nil {
		r.out.State, r.out.Message, r.out.Remedy = policy.StateFailed, activities.Message(cause), activities.Remedy(cause)
		if temporal.IsCanceledError(cause) {
			r.out.State, r.out.Message = policy.StateCancelled, r.cancelled()
		}
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err := recordEnd(ctx, r.out, r.began)
	if cause != nil {
		return cause
	}
	return err
}

// cancelled says what a cancel leaves behind.
func (r *restore) cancelled() string {
	switch {
	case r.in.DryRun:
		return "cancelled"
	case r.in.Tar != "":
		return "cancelled; nothing was written to " + r.in.Tar
	}
	return "cancelled; the files that were restored by then stay at " + r.in.Where() + ", each of them whole"
}
