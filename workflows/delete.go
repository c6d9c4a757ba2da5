package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
)

// DeleteInput starts DeleteHost.
type DeleteInput struct {
	Host ident.Host `json:"host"`
	// Purge destroys the data at once.
	Purge bool `json:"purge,omitempty"`
	// Actor is who asked for it.
	Actor string `json:"actor"`
}

// DeleteResult says what becomes of the data of a removed host.
type DeleteResult struct {
	Server  string `json:"server,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	// There says that there is data at all; Expires when it goes.
	There     bool      `json:"there,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Destroyed bool      `json:"destroyed,omitempty"`
}

// DeleteHost takes a host out of the catalog once no run works on it. Its runs
// stay on record. Its data is kept for the grace time, which ExpireData waits
// out, unless it is to be purged. Only the wait for the host can be cancelled.
func DeleteHost(ctx workflow.Context, in DeleteInput) (DeleteResult, error) {
	run := begin(ctx, in.Host, activities.KindDelete, activities.TriggerManual)
	host, err := claimHost(ctx, catalog.ForRemove, ident.Host{}, run)
	if err != nil {
		return DeleteResult{}, endChange(ctx, run, "", err)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	run.Server, run.Dataset = host.Server, host.Dataset
	d := deletion{in: in, host: host, out: DeleteResult{Server: host.Server, Dataset: host.Dataset}}
	if err := d.leave(ctx); err != nil {
		_ = releaseHost(ctx, host) // the first error is the one to tell
		return d.out, endChange(ctx, run, "", err)
	}
	err = d.data(ctx)
	return d.out, endChange(ctx, run, d.story(), err)
}

// deletion is the state of one DeleteHost whose host is claimed.
type deletion struct {
	in   DeleteInput
	host activities.ClaimedHost
	out  DeleteResult
}

// story says in a sentence what became of the data.
func (d *deletion) story() string {
	switch data := "the data in " + d.out.Dataset; {
	case d.out.Destroyed:
		return data + " was destroyed"
	case !d.out.There:
		return "there was no data"
	case d.out.Expires.IsZero():
		return data + " was left as it is"
	default:
		return data + " is kept until " + d.out.Expires.UTC().Format(time.RFC3339)
	}
}

// leave takes the host out of the catalog. Its claim goes with it.
func (d *deletion) leave(ctx workflow.Context) error {
	return workflow.ExecuteActivity(onControl(ctx, "take "+d.in.Host.String()+" out of the catalog"),
		activities.RemoveHostName, activities.RemoveHostInput{
			HostID: d.host.HostID, Run: thisRun(ctx), Actor: d.in.Actor,
		}).Get(ctx, nil)
}

// data removes the schedule, and sees to the data that is left.
func (d *deletion) data(ctx workflow.Context) error {
	if err := syncSchedules(ctx, d.in.Host); err != nil || d.host.Dataset == "" {
		return err
	}
	left := activities.RemovedData{Host: d.host, Removed: workflow.Now(ctx)}
	left.Expires = left.Removed
	if !d.in.Purge {
		left.Expires = left.Removed.Add(d.host.Grace)
	}
	mark := onDataset(ctx, d.host.Server, "mark "+d.host.Dataset+" as that of a removed host")
	if err := workflow.ExecuteActivity(mark, activities.MarkRemovedName, left).Get(ctx, &d.out.There); err != nil || !d.out.There {
		return err
	}
	if d.in.Purge {
		return destroyRemoved(ctx, left, &d.out.Destroyed)
	}
	d.out.Expires = left.Expires
	return expireLater(ctx, left)
}

// expireLater starts ExpireData, which outlives this workflow.
func expireLater(ctx workflow.Context, left activities.RemovedData) error {
	child := workflow.ExecuteChildWorkflow(
		workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            ExpireID(left.Host.Host.String(), left.Host.HostID),
			TaskQueue:             activities.ControlQueue,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
			TypedSearchAttributes: HostAttributes(left.Host.Host),
			StaticSummary:         "keep the data of " + left.Host.Host.String() + " until " + left.Expires.Format(time.DateOnly) + "; cancel to keep it for good",
		}),
		ExpireDataName, left)
	return child.GetChildWorkflowExecution().Get(ctx, nil)
}

// ExpireData waits until the data of a removed host goes, and destroys it.
// Cancelled before that, it leaves the data for good.
func ExpireData(ctx workflow.Context, left activities.RemovedData) (destroyed bool, err error) {
	details := "the data of " + left.Host.Host.String() + " in " + left.Host.Dataset + " is kept until " + left.Expires.Format(time.RFC1123)
	workflow.SetCurrentDetails(ctx, "**kept** "+details+". Cancel this workflow to keep it for good.")
	timer := workflow.NewTimerWithOptions(ctx, left.Expires.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: details})
	err = timer.Get(ctx, nil)
	if err == nil {
		err = destroyRemoved(ctx, left, &destroyed)
	}
	if !temporal.IsCanceledError(err) {
		return destroyed, err
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	keep := onDataset(ctx, left.Host.Server, "keep "+left.Host.Dataset+" for good")
	if kept := workflow.ExecuteActivity(keep, activities.KeepRemovedName, left).Get(ctx, nil); kept != nil {
		return false, kept
	}
	return false, err
}

func destroyRemoved(ctx workflow.Context, left activities.RemovedData, destroyed *bool) error {
	ctx = onDataset(ctx, left.Host.Server, "destroy "+left.Host.Dataset)
	return workflow.ExecuteActivity(ctx, activities.DestroyRemovedName, left).Get(ctx, destroyed)
}
