package workflows

import (
	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// RegisterStorage enters the storages of one server in the catalog, which the
// server itself cannot reach.
func RegisterStorage(ctx workflow.Context, in activities.RegisterInput) error {
	return workflow.ExecuteActivity(onControl(ctx, "register the storages of "+in.Server),
		activities.RegisterStoragesName, in).Get(ctx, nil)
}
