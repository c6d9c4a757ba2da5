package operate

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/worker"
)

// StartReport has a report mailed, and again if it was already. Errors:
// *worker.AlreadyRunningError.
func (o Operator) StartReport(ctx context.Context, of catalog.ReportOf, again bool) (client.WorkflowRun, error) {
	run, err := worker.StartReport(ctx, o.Temporal, activities.ReportInput{ReportOf: of, Trigger: activities.TriggerManual, Again: again})
	if err != nil {
		return nil, err
	}
	return run, o.Catalog.NoteAccess(ctx, "report.send", of.Name(), map[string]any{"run": run.GetRunID(), "again": again})
}

// SendReport is StartReport that says what came of it. Errors: those of await.
func (o Operator) SendReport(ctx context.Context, of catalog.ReportOf, again bool) (out activities.ReportResult, err error) {
	err = await(ctx, "the mailing of the "+of.Name(), func(ctx context.Context) (client.WorkflowRun, error) {
		return o.StartReport(ctx, of, again)
	}, &out)
	return out, err
}
