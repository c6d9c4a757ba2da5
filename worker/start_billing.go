package worker

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/workflows"
)

// StartBilling starts DailyBilling. Errors: *AlreadyRunningError.
func StartBilling(ctx context.Context, c client.Client, in activities.BillingInput) (client.WorkflowRun, error) {
	what := "the billing of " + in.Day
	return start(ctx, c, asked{
		id: workflows.BillingID(in.Day), name: workflows.DailyBillingName, what: what, summary: what,
		attributes: temporal.NewSearchAttributes(), in: in,
	})
}
