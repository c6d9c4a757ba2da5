package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// PruneInput starts PruneHost.
type PruneInput struct {
	Host ident.Host `json:"host"`
	// Dry only plans; then there is no run on record.
	Dry bool `json:"dry,omitempty"`
	// Agreed says that it is to be done however many snapshots go.
	Agreed bool `json:"agreed,omitempty"`
	// Actor is who asked for it.
	Actor string `json:"actor,omitempty"`
}

// PruneOutcome is what PruneHost came to.
type PruneOutcome struct {
	// Plan is the one that was, or with Dry would be, carried out.
	Plan activities.PrunePlan `json:"plan"`
	// Pruned is empty when Dry.
	Pruned activities.PruneResult `json:"pruned"`
}

// PruneHost removes the snapshots of a host that its retention no longer
// keeps, between its backups, or says which these are.
func PruneHost(ctx workflow.Context, in PruneInput) (PruneOutcome, error) {
	p := &prune{in: in, run: begin(ctx, in.Host, activities.KindPrune, activities.TriggerManual)}
	err := p.do(ctx)
	return p.out, p.finish(ctx, err)
}

// prune is the state of one PruneHost.
type prune struct {
	in    PruneInput
	out   PruneOutcome
	run   activities.Outcome
	plan  activities.Plan
	began bool
}

func (p *prune) do(ctx workflow.Context) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	if err := p.planPrune(ctx); err != nil || p.in.Dry {
		return err
	}
	if err := p.prune(ctx); err != nil {
		return err
	}
	return p.measure(ctx)
}

// load finds the dataset and, unless it is only to plan, enters the run in the
// catalog.
func (p *prune) load(ctx workflow.Context) error {
	in := activities.LoadDatasetInput{Host: p.in.Host, Run: p.run.Run}
	if !p.in.Dry {
		in.Kind, in.WorkflowID, in.Started = p.run.Kind, p.run.WorkflowID, p.run.Started
	}
	err := workflow.ExecuteActivity(onControl(ctx, "find the dataset of "+p.in.Host.String()), activities.LoadDatasetName, in).Get(ctx, &p.plan)
	if err != nil {
		return err
	}
	p.began = !p.in.Dry
	p.run.HostID, p.run.Server, p.run.Dataset = p.plan.HostID, p.plan.Server, p.plan.Dataset
	return nil
}

// planPrune asks the pool which snapshots there are, and the retention about
// each of them.
func (p *prune) planPrune(ctx workflow.Context) error {
	return workflow.ExecuteActivity(onStorage(ctx, p.plan.Server, "plan by "+p.plan.Policy.Keep.Value.String(), 5*time.Minute),
		activities.PlanPruneName, p.plan).Get(ctx, &p.out.Plan)
}

// prune carries the plan out.
func (p *prune) prune(ctx workflow.Context) error {
	var err error
	if p.out.Pruned, err = pruneDataset(ctx, p.plan, p.in.Agreed); err != nil {
		return err
	}
	p.run.State, p.run.Pruned = policy.StateOK, len(p.out.Pruned.Removed)
	p.run.Message = fmt.Sprintf("%d snapshots removed, %d kept", p.run.Pruned, p.out.Pruned.Kept)
	p.run.State, p.run.Message, p.run.Remedy = withheld(p.run.State, p.run.Message, p.in.Host, p.out.Pruned)
	return nil
}

// pruneDataset runs the activity that backups end with, too.
func pruneDataset(ctx workflow.Context, plan activities.Plan, agreed bool) (pruned activities.PruneResult, err error) {
	err = workflow.ExecuteActivity(
		onStorage(ctx, plan.Server, "remove what "+plan.Policy.Keep.Value.String()+" no longer keeps", 10*time.Minute),
		activities.PruneName, activities.PruneInput{Plan: plan, Agreed: agreed}).Get(ctx, &pruned)
	return pruned, err
}

// withheld makes a warning of a pruning that removed nothing because it would
// have removed too much.
func withheld(state, message string, host ident.Host, pruned activities.PruneResult) (newState, newMessage, remedy string) {
	if pruned.Withheld == 0 {
		return state, message, ""
	}
	return policy.StateWarning,
		fmt.Sprintf("nothing was pruned: %d of %d snapshots would go", pruned.Withheld, pruned.Kept),
		fmt.Sprintf("look with `planb prune %s --dry-run`, then change what is kept, or do it with `planb prune %s`", host, host)
}

func (p *prune) measure(ctx workflow.Context) error {
	measured, err := measureDataset(ctx, p.plan)
	if err == nil {
		p.run.Measured = &measured
	}
	return err
}

// finish records how the run ended, and who had it done.
func (p *prune) finish(ctx workflow.Context, cause error) error {
	if !p.began {
		return cause
	}
	switch {
	case cause == nil, p.run.State == policy.StateOK, p.run.State == policy.StateWarning:
	case temporal.IsCanceledError(cause):
		p.run.State, p.run.Message = policy.StateCancelled, "cancelled before anything was removed"
	default:
		p.run.State, p.run.Message, p.run.Remedy = policy.StateFailed, activities.Message(cause), activities.Remedy(cause)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if err := recordEnd(ctx, p.run, true); err != nil {
		return err
	}
	if len(p.out.Pruned.Removed) == 0 {
		return cause
	}
	err := workflow.ExecuteActivity(onControl(ctx, "note who had "+p.in.Host.String()+" pruned"), activities.NoteName, activities.NoteInput{
		Plan: p.plan, Actor: p.in.Actor, Action: "host.prune", Detail: map[string]any{"removed": p.out.Pruned.Removed},
	}).Get(ctx, nil)
	if cause != nil {
		return cause
	}
	return err
}
