package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/workflows"
)

// StartRename starts RenameHost. Errors: *AlreadyRunningError.
func StartRename(ctx context.Context, c client.Client, in workflows.RenameInput) (client.WorkflowRun, error) {
	return start(ctx, c, asked{
		id: workflows.RenameID(in.Host), name: workflows.RenameHostName, what: "a rename of " + in.Host.String(), host: in.Host,
		summary: "rename " + in.Host.String() + " to " + in.To.String(), attributes: workflows.HostAttributes(in.Host), in: in,
	})
}

// StartDelete starts DeleteHost.
func StartDelete(ctx context.Context, c client.Client, in workflows.DeleteInput) (client.WorkflowRun, error) {
	what := "the removal of " + in.Host.String()
	return start(ctx, c, asked{
		id: workflows.DeleteID(in.Host, time.Now().UnixMilli()), name: workflows.DeleteHostName, what: what, host: in.Host,
		summary: what, attributes: workflows.HostAttributes(in.Host), in: in,
	})
}

// StartProbe starts ProbeHost. Errors: *AlreadyRunningError.
func StartProbe(ctx context.Context, c client.Client, in workflows.ProbeInput) (client.WorkflowRun, error) {
	what := "a look at " + in.Host.String()
	return start(ctx, c, asked{
		id: workflows.ProbeID(in.Host), name: workflows.ProbeHostName, what: what, host: in.Host,
		summary: what, attributes: workflows.HostAttributes(in.Host), in: in,
	})
}

// Datasets asks a storage server which datasets it has.
func Datasets(ctx context.Context, c client.Client, server string) (list []activities.StoredDataset, err error) {
	r, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:            workflows.ListDatasetsID(server, time.Now().UnixMilli()),
		TaskQueue:     activities.ControlQueue,
		StaticSummary: "list the datasets of " + server,
		Priority:      temporal.Priority{PriorityKey: 1},
	}, workflows.ListDatasetsName, server)
	if err != nil {
		return nil, fmt.Errorf("asking server %s for its datasets: %w", server, err)
	}
	return list, r.Get(ctx, &list)
}

// KeepData ends the wait for the end of a removed host's data, so that it is
// kept for good, and returns once that is written on it. host is the name, and
// id what the catalog knew it by.
func KeepData(ctx context.Context, c client.Client, host, id string) error {
	workflowID := workflows.ExpireID(host, id)
	if err := c.CancelWorkflow(ctx, workflowID, ""); err != nil {
		return fmt.Errorf("ending %s: %w", workflowID, err)
	}
	err := c.GetWorkflow(ctx, workflowID, "").Get(ctx, nil)
	if temporal.IsCanceledError(err) {
		return nil
	}
	if err == nil {
		return errors.New("the data was destroyed just before")
	}
	return err
}
