package workflows

import (
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// begin is the outcome of a run that has just begun.
func begin(ctx workflow.Context, host ident.Host, kind, trigger string) activities.Outcome {
	info := workflow.GetInfo(ctx)
	return activities.Outcome{
		Run: info.WorkflowExecution.RunID, WorkflowID: info.WorkflowExecution.ID, Started: info.WorkflowStartTime,
		Host: host, Kind: kind, Trigger: trigger, State: policy.StateRunning,
	}
}

// recordEnd shows how a run ended in Temporal's lists and, if the run was ever
// entered there, in the catalog. ctx must be one that a cancel does not reach.
func recordEnd(ctx workflow.Context, out activities.Outcome, began bool) error {
	err := workflow.UpsertTypedSearchAttributes(ctx, AttributeState.ValueSet(out.State))
	workflow.SetCurrentDetails(ctx, "**"+out.State+"** "+out.Message)
	if err != nil || !began {
		return err
	}
	return workflow.ExecuteActivity(onControl(ctx, "record that "+out.Host.String()+" ended "+out.State),
		activities.RecordName, out).Get(ctx, nil)
}
