package worker

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/workflows"
)

// StartReport starts mailing a report. Errors: *AlreadyRunningError.
func StartReport(ctx context.Context, c client.Client, in activities.ReportInput) (client.WorkflowRun, error) {
	what := "the mailing of the " + in.Name()
	return start(ctx, c, asked{
		id: workflows.ReportID(in.ReportOf), name: workflows.ReportName(in.ReportOf), what: what, summary: what, in: in,
	})
}
