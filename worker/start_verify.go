package worker

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/internal/policy"
	"planb/workflows"
)

// StartVerify starts VerifyHost. Errors: *AlreadyRunningError.
func StartVerify(ctx context.Context, c client.Client, in workflows.VerifyInput) (client.WorkflowRun, error) {
	what := "a verification of " + in.Host.String()
	return start(ctx, c, asked{
		id: workflows.VerifyID(in.Host), name: workflows.VerifyHostName, what: what, host: in.Host,
		summary: what, attributes: workflows.Attributes(in.Host, policy.StateRunning), in: in,
	})
}
