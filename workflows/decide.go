package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
)

// DecideInput starts DecideHost.
type DecideInput struct {
	Host ident.Host `json:"host"`
	// Verdict is activities.VerdictAccept or VerdictReject.
	Verdict string `json:"verdict"`
	// Snapshot is the only one meant; empty means all that are suspect.
	Snapshot string `json:"snapshot,omitempty"`
	// Actor is who decided.
	Actor string `json:"actor"`
}

// DecideHost carries out what a person decided about the suspect snapshots of
// a host. Accepted ones count as what they would have been without the guard,
// and the newest good one is then what the next backup is compared with.
// Rejected ones never count as good, and go with the next pruning that follows
// a good backup. Once nothing is suspect any more, pruning goes on.
//
// It may run while a backup does: it only sets properties.
func DecideHost(ctx workflow.Context, in DecideInput) (out activities.DecideResult, err error) {
	plan, err := loadDataset(ctx, in.Host)
	if err != nil {
		return out, err
	}
	workflow.SetCurrentDetails(ctx, "**"+in.Verdict+"** "+in.Host.String()+", for "+in.Actor)
	err = workflow.ExecuteActivity(
		onStorage(ctx, plan.Server, in.Verdict+" what is suspect of "+plan.Dataset, 5*time.Minute),
		activities.DecideName, activities.DecideInput{Plan: plan, Verdict: in.Verdict, Snapshot: in.Snapshot}).Get(ctx, &out)
	if err != nil {
		return out, err
	}
	return out, note(ctx, activities.NoteInput{
		Plan: plan, Actor: in.Actor, Action: "host." + in.Verdict, Detail: map[string]any{"snapshots": out.Snapshots},
	})
}
