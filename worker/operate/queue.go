package operate

import (
	"context"
	"fmt"
	"slices"

	"go.temporal.io/api/workflowservice/v1"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/workflows"
)

// Queued gives the backups that are under way but have not begun to transfer:
// those that nobody has taken up yet, that wait for their turn on a storage
// server, or that a pre-check put off. Of each the id and the workflow's id are
// set. Errors: those of the catalog, *UnavailableError.
func (o Operator) Queued(ctx context.Context) ([]catalog.Run, error) {
	var queued []catalog.Run
	var page []byte
	for {
		asking, cancel := context.WithTimeout(ctx, patience)
		list, err := o.Temporal.ListWorkflow(asking, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' and ExecutionStatus = 'Running'", workflows.BackupHostName), NextPageToken: page,
		})
		cancel()
		if err != nil {
			return nil, unavailable("", err)
		}
		for _, w := range list.GetExecutions() {
			r := catalog.Run{WorkflowID: w.GetExecution().GetWorkflowId(), ID: w.GetExecution().GetRunId()}
			waits, err := o.queued(ctx, r)
			if err != nil {
				return nil, err
			}
			if waits {
				queued = append(queued, r)
			}
		}
		if page = list.GetNextPageToken(); len(page) == 0 {
			return queued, nil
		}
	}
}

func (o Operator) queued(ctx context.Context, r catalog.Run) (bool, error) {
	known, err := o.Catalog.Run(ctx, r.ID)
	if err != nil && !catalog.IsNotFound(err) {
		return false, err
	}
	if err != nil || known.State == policy.StateWaiting {
		return true, nil
	}
	status, err := o.Look(ctx, r.WorkflowID, r.ID)
	if status.Activity == activities.PullName {
		return status.Waiting && status.Attempt <= 1, err
	}
	return slices.Contains(beforePull, status.Activity), err
}

// beforePull are the steps of a backup before it transfers.
var beforePull = []string{
	activities.LoadName, activities.PreCheckName, activities.PinHostKeysName, activities.RecordWaitingName, activities.PrepareName,
}
