package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// RenameInput starts RenameHost.
type RenameInput struct {
	Host ident.Host `json:"host"`
	To   ident.Host `json:"to"`
	// Actor is who asked for it.
	Actor string `json:"actor"`
}

// RenameResult says where the host's data is now.
type RenameResult struct {
	Server  string `json:"server,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	// Moved says that the dataset was renamed as well.
	Moved bool `json:"moved,omitempty"`
}

// RenameHost gives a host another name once no run works on it. Its dataset
// goes along if it is where PlanB puts datasets; snapshots, runs and holds
// stay. Only the wait for the host can be cancelled: what has begun is carried
// through.
func RenameHost(ctx workflow.Context, in RenameInput) (RenameResult, error) {
	run := begin(ctx, in.Host, activities.KindRename, activities.TriggerManual)
	host, err := claimHost(ctx, catalog.ForRename, in.To, run)
	if err != nil {
		return RenameResult{}, endChange(ctx, run, "", err)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r := rename{in: in, host: host}
	err = r.run(ctx)
	if released := releaseHost(ctx, host); err == nil {
		err = released
	}
	run.HostID, run.Server, run.Dataset = host.HostID, host.Server, r.out.Dataset
	return r.out, endChange(ctx, run, r.story(), err)
}

// story says in a sentence what was done.
func (r *rename) story() string {
	text := r.in.Host.String() + " is " + r.in.To.String() + " now"
	if r.out.Moved {
		text += ", and its dataset " + r.host.Dataset + " is " + r.out.Dataset
	}
	return text
}

// rename is the state of one RenameHost whose host is claimed.
type rename struct {
	in   RenameInput
	host activities.ClaimedHost
	out  RenameResult
}

func (r *rename) run(ctx workflow.Context) error {
	r.out = RenameResult{Server: r.host.Server, Dataset: r.host.Dataset}
	if r.host.MoveTo != "" {
		if err := r.moveDataset(ctx, r.in.To, r.host.Dataset, r.host.MoveTo); err != nil {
			return err
		}
	}
	if err := r.record(ctx); err != nil {
		return r.undo(ctx, err)
	}
	return syncSchedules(ctx, r.in.Host, r.in.To)
}

// moveDataset renames the dataset on its server. However long the server is
// away, this is tried until it is known where the dataset is.
func (r *rename) moveDataset(ctx workflow.Context, name ident.Host, from, to string) error {
	ctx = onDataset(ctx, r.host.Server, "rename "+from+" to "+to)
	err := workflow.ExecuteActivity(ctx, activities.MoveDatasetName,
		activities.MoveDatasetInput{Host: r.host, Name: name, From: from, To: to}).Get(ctx, &r.out.Dataset)
	r.out.Moved = err == nil && r.out.Dataset != r.host.Dataset
	return err
}

// record writes the new name, and where the dataset is, in one step.
func (r *rename) record(ctx workflow.Context) error {
	return workflow.ExecuteActivity(onControl(ctx, "record that "+r.in.Host.String()+" is "+r.in.To.String()),
		activities.RenameHostName, activities.RenameHostInput{
			HostID: r.host.HostID, To: r.in.To, Dataset: r.out.Dataset, Run: thisRun(ctx), Actor: r.in.Actor,
		}).Get(ctx, nil)
}

// undo brings the dataset back to where the catalog knows it, when the name was
// taken at the last moment.
func (r *rename) undo(ctx workflow.Context, cause error) error {
	if r.out.Moved {
		if err := r.moveDataset(ctx, r.in.Host, r.out.Dataset, r.host.Dataset); err != nil {
			workflow.GetLogger(ctx).Error("the dataset was not moved back", "dataset", r.out.Dataset, "error", err)
		}
	}
	return cause
}

// claimHost waits until no run works on a host, and keeps new ones off.
func claimHost(ctx workflow.Context, why string, to ident.Host, run activities.Outcome) (claimed activities.ClaimedHost, err error) {
	host := run.Host
	workflow.SetCurrentDetails(ctx, "**claim** "+host.String())
	o := workflow.GetActivityOptions(onControl(ctx, "wait until no run works on "+host.String()))
	// A run that was put off may wait for days.
	o.ScheduleToCloseTimeout = patience
	ctx = workflow.WithActivityOptions(ctx, o)
	err = workflow.ExecuteActivity(ctx, activities.ClaimHostName, activities.ClaimHostInput{
		Host: host, To: to, Outcome: run, Claimer: catalog.Claimer{Run: run.Run, WorkflowID: run.WorkflowID, For: why},
	}).Get(ctx, &claimed)
	return claimed, err
}

// endChange records how a change of a host ended, story being what it did, and
// gives the error that its workflow ends with.
func endChange(ctx workflow.Context, run activities.Outcome, story string, cause error) error {
	run.State, run.Message = policy.StateOK, story
	switch {
	case temporal.IsCanceledError(cause):
		run.State, run.Message = policy.StateCancelled, "cancelled before anything was changed"
	case cause != nil:
		run.State, run.Message, run.Remedy = policy.StateFailed, activities.Message(cause), activities.Remedy(cause)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if err := recordEnd(ctx, run, activities.ErrType(cause) != activities.ErrTypeNoHost); err != nil {
		// It is done all the same; the reconciler ends the run on record.
		workflow.GetLogger(ctx).Error("the end of the run was not recorded", "error", err)
	}
	return cause
}

// releaseHost lets runs begin again.
func releaseHost(ctx workflow.Context, host activities.ClaimedHost) error {
	return workflow.ExecuteActivity(onControl(ctx, "let runs of "+host.Host.String()+" begin again"),
		activities.ReleaseHostName, activities.ReleaseHostInput{HostID: host.HostID, Run: thisRun(ctx)}).Get(ctx, nil)
}

func syncSchedules(ctx workflow.Context, hosts ...ident.Host) error {
	return workflow.ExecuteActivity(onControl(ctx, "make schedules agree with the catalog"),
		activities.SyncSchedulesName, hosts).Get(ctx, nil)
}

func thisRun(ctx workflow.Context) string { return workflow.GetInfo(ctx).WorkflowExecution.RunID }

// patience is how long a change of a host waits for the host, or for the server
// that has its data.
const patience = 90 * 24 * time.Hour

// onDataset is onStorage for changes that are not given up half done: they wait
// for as long as it takes until their server is back.
func onDataset(ctx workflow.Context, server, summary string) workflow.Context {
	ctx = onStorage(ctx, server, summary, 10*time.Minute)
	o := workflow.GetActivityOptions(ctx)
	o.ScheduleToCloseTimeout = patience
	return workflow.WithActivityOptions(ctx, o)
}
