// Package reconcile finds what the catalog says is under way and is not: runs
// whose workflow has ended without recording it, claims of workflows that are
// gone, schedules that differ.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/watch"
	"planb/worker/schedules"
)

const (
	// runsEvery is how often runs and claims are looked at.
	runsEvery = 30 * time.Second
	// schedulesEvery is how often schedules are.
	schedulesEvery = 10 * time.Minute
)

// Reconciler makes the catalog say what is true. It is for one goroutine.
type Reconciler struct {
	Client  client.Client
	Catalog *catalog.Store
	// Record writes the end of a run whose workflow ended well but could not say so.
	Record func(context.Context, activities.Outcome) error
	// Measure has the catalog know, in a while, what the pool holds for a host: a
	// run that could not tell its end may have left a snapshot.
	Measure   func(context.Context, ident.Host) error
	Schedules schedules.Keeper
	Now       func() time.Time
	Log       *slog.Logger

	// dead are the runs whose workflow was found to be over at the last look. A
	// record that is on its way gets there before the second.
	dead map[string]bool
}

// Run reconciles at once and then every so often, until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	tick := time.NewTicker(runsEvery)
	defer tick.Stop()
	synced := time.Time{}
	_, err := r.Catalog.RefreshStandings(ctx) // an upgrade may read policies in another way
	r.report(ctx, "what lists of hosts show of their policies was not refreshed", err)
	for {
		r.report(ctx, "runs were not reconciled", r.Runs(ctx))
		if r.Now().Sub(synced) >= schedulesEvery {
			synced = r.Now()
			r.report(ctx, "schedules were not reconciled", r.schedules(ctx))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Reconciler) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		r.Log.Error(what, "error", err)
	}
}

func (r *Reconciler) schedules(ctx context.Context) error {
	changes, err := r.Schedules.AgreeAll(ctx, false)
	for _, c := range changes {
		r.Log.Warn("a schedule differed from the catalog", "host", c.Host, "action", c.Action)
	}
	return errors.Join(err, r.tell(ctx, len(changes), err))
}

// nagEvery is how often schedules that go on to differ are told of again.
const nagEvery = 24 * time.Hour

// tell has people know of schedules that differ again and again.
func (r *Reconciler) tell(ctx context.Context, differ int, failed error) error {
	if ctx.Err() != nil {
		return nil // that it ends here says nothing of them
	}
	now := r.Now()
	looked := func(about, _ string) bool { return about == catalog.AboutSchedules }
	_, err := r.Catalog.SettleFleet(ctx, watch.Schedules(differ, failed, now), looked, nagEvery, now)
	return err
}

// Runs looks at all runs under way and all claims, and ends those that were
// over at the last look already.
func (r *Reconciler) Runs(ctx context.Context) error {
	runs, err := r.Catalog.Runs(ctx, catalog.RunFilter{UnderWay: true, Limit: -1})
	if err != nil {
		return err
	}
	claims, err := r.Catalog.HostClaims(ctx)
	if err != nil {
		return err
	}
	var failed []error
	dead := map[string]bool{}
	// over says that a workflow is over, and was at the last look.
	over := func(workflowID, run string) (status, bool) {
		st, err := r.look(ctx, workflowID, run)
		if err != nil {
			failed = append(failed, err)
			return st, false
		}
		if st.running {
			return st, false
		}
		dead[run] = true
		return st, r.dead[run]
	}
	for _, run := range runs {
		if st, yes := over(run.WorkflowID, run.ID); yes {
			failed = append(failed, r.end(ctx, run, st))
		}
	}
	for _, c := range claims {
		if _, yes := over(c.WorkflowID, c.Run); yes {
			r.Log.Warn("released a host from a workflow that is over", "workflow", c.WorkflowID)
			failed = append(failed, r.Catalog.ReleaseHost(ctx, c.HostID, c.Run))
		}
	}
	r.dead = dead
	return errors.Join(failed...)
}

// status is what Temporal says of a workflow.
type status struct {
	running bool
	// code is unspecified for one that Temporal does not know.
	code   enumspb.WorkflowExecutionStatus
	closed time.Time
}

func (r *Reconciler) look(ctx context.Context, workflowID, run string) (status, error) {
	d, err := r.Client.DescribeWorkflowExecution(ctx, workflowID, run)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return status{closed: r.Now()}, nil
	}
	if err != nil {
		return status{}, err
	}
	info := d.GetWorkflowExecutionInfo()
	return status{
		running: info.GetCloseTime() == nil, code: info.GetStatus(), closed: info.GetCloseTime().AsTime(),
	}, nil
}

// end records how a run ended, as far as Temporal tells.
func (r *Reconciler) end(ctx context.Context, run catalog.Run, st status) error {
	var message string
	state, remedy := policy.StateFailed, "start it again; planb run log "+run.ID+" tells how far it came"
	switch st.code {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		message = "terminated in Temporal by an operator"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		message = "timed out in Temporal"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		state, message, remedy = policy.StateCancelled, "cancelled", ""
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		err := r.Client.GetWorkflow(ctx, run.WorkflowID, run.ID).Get(ctx, nil)
		var failure *temporal.WorkflowExecutionError
		if !errors.As(err, &failure) {
			return err // not an answer: ask again at the next look
		}
		message = activities.Message(err)
		if r := activities.Remedy(err); r != "" {
			remedy = r
		}
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		var out activities.Outcome
		err := r.Client.GetWorkflow(ctx, run.WorkflowID, run.ID).Get(ctx, &out)
		if err == nil && out.Run == run.ID && policy.IsFinal(out.State) {
			return r.Record(ctx, out)
		}
		message = "ended without telling how"
		if err != nil {
			if err := r.Client.GetWorkflow(ctx, run.WorkflowID, run.ID).Get(ctx, nil); err != nil {
				return err // not an answer: ask again at the next look
			}
		}
		if run.Kind != catalog.KindBackup {
			// Other workflows end well only when all is done, and tell less of it.
			state, message, remedy = policy.StateOK, "", ""
		}
	default:
		message = "Temporal does not know this run any more"
	}
	closed, err := r.Catalog.CloseRun(ctx, run.ID, state, st.closed, message, remedy)
	if closed {
		r.Log.Warn("ended a run whose workflow is over", "host", run.Host, "run", run.ID, "state", state, "message", message)
	}
	if err != nil || !closed || run.Kind != catalog.KindBackup || run.HostID == "" {
		return err
	}
	host, err := ident.ParseHost(run.Host)
	if err != nil {
		return err
	}
	return r.Measure(ctx, host)
}
