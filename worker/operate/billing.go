package operate

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/worker"
)

// StartBilling starts the billing of a day by hand. Errors: those of the catalog,
// *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) StartBilling(ctx context.Context, day string) (run client.WorkflowRun, err error) {
	_, err = o.noted(ctx, "billing.run", day, nil, func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if run, err = worker.StartBilling(ctx, o.Temporal, activities.BillingInput{Day: day, Trigger: activities.TriggerManual}); err != nil {
			return "", unavailable("", err)
		}
		return run.GetRunID(), nil
	})
	return run, err
}
