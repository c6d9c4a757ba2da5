package worker

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"

	"planb/internal/ident"
	"planb/workflows"
)

// StartPrune starts PruneHost.
func StartPrune(ctx context.Context, c client.Client, in workflows.PruneInput) (client.WorkflowRun, error) {
	what := "pruning " + in.Host.String()
	if in.Dry {
		what = "planning to prune " + in.Host.String()
	}
	return start(ctx, c, asked{
		id: workflows.PruneID(in.Host, time.Now().UnixMilli()), name: workflows.PruneHostName, what: what, host: in.Host,
		summary: what, attributes: workflows.HostAttributes(in.Host), in: in,
	})
}

// StartDecide starts DecideHost. Errors: *AlreadyRunningError, while an earlier
// decision about the host is carried out.
func StartDecide(ctx context.Context, c client.Client, in workflows.DecideInput) (client.WorkflowRun, error) {
	return start(ctx, c, asked{
		id: workflows.DecideID(in.Host), name: workflows.DecideHostName, what: "a decision about " + in.Host.String(), host: in.Host,
		summary: in.Verdict + " what is suspect of " + in.Host.String(), attributes: workflows.HostAttributes(in.Host), in: in,
	})
}

// StartMeasure starts MeasureHost, unless it is under way.
func StartMeasure(ctx context.Context, c client.Client, host ident.Host) error {
	what := "measuring " + host.String()
	_, err := start(ctx, c, asked{
		id: workflows.MeasureID(host), name: workflows.MeasureHostName, what: what, host: host,
		summary: what, attributes: workflows.HostAttributes(host), in: host,
	})
	var running *AlreadyRunningError
	if errors.As(err, &running) {
		return nil
	}
	return err
}

// StartChangeSnapshot starts ChangeSnapshot.
func StartChangeSnapshot(ctx context.Context, c client.Client, in workflows.ChangeSnapshotInput) (client.WorkflowRun, error) {
	what := in.Change + " of " + in.Host.String() + "@" + in.Snapshot
	return start(ctx, c, asked{
		id: workflows.SnapshotID(in.Host, time.Now().UnixMilli()), name: workflows.ChangeSnapshotName, what: what, host: in.Host,
		summary: what, attributes: workflows.HostAttributes(in.Host), in: in,
	})
}
