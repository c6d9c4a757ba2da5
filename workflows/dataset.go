package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
)

// loadDataset gives what is known of a host's dataset, for work on it that is
// no run on record.
func loadDataset(ctx workflow.Context, host ident.Host) (plan activities.Plan, err error) {
	err = workflow.ExecuteActivity(onControl(ctx, "find the dataset of "+host.String()), activities.LoadDatasetName,
		activities.LoadDatasetInput{Host: host, Run: workflow.GetInfo(ctx).WorkflowExecution.RunID}).Get(ctx, &plan)
	return plan, err
}

// measureDataset gives the sizes and snapshots of a dataset.
func measureDataset(ctx workflow.Context, plan activities.Plan) (measured activities.Measured, err error) {
	err = workflow.ExecuteActivity(onStorage(ctx, plan.Server, "measure "+plan.Dataset, 10*time.Minute),
		activities.MeasureName, plan).Get(ctx, &measured)
	return measured, err
}

// note writes down what was done for whom, and what the pool looks like now:
// a change that was made is noted, whatever comes after it.
func note(ctx workflow.Context, in activities.NoteInput) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if measured, err := measureDataset(ctx, in.Plan); err == nil {
		in.Measured = &measured
	} else {
		workflow.GetLogger(ctx).Warn("the dataset was not measured", "error", err)
	}
	return workflow.ExecuteActivity(onControl(ctx, "note "+in.Action+" of "+in.Plan.Host.String()), activities.NoteName, in).Get(ctx, nil)
}
