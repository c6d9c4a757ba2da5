package workflows

import (
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
)

// MeasureHost has the catalog know what the pool holds for a host now. The
// reconciler asks for it after a run whose workflow could not tell its end.
func MeasureHost(ctx workflow.Context, host ident.Host) error {
	plan, err := loadDataset(ctx, host)
	if err != nil {
		return err
	}
	measured, err := measureDataset(ctx, plan)
	if err != nil {
		return err
	}
	return workflow.ExecuteActivity(onControl(ctx, "record what the pool holds for "+host.String()),
		activities.RecordMeasuredName, activities.RecordMeasuredInput{Plan: plan, Measured: measured}).Get(ctx, nil)
}
