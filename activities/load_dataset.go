package activities

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// LoadDatasetInput names the host whose dataset something is done to.
type LoadDatasetInput struct {
	Host ident.Host `json:"host"`
	Run  string     `json:"run"`
	// Kind, WorkflowID and Started are set for what is a run on record.
	Kind       string    `json:"kind,omitempty"`
	WorkflowID string    `json:"workflow_id,omitempty"`
	Started    time.Time `json:"started,omitzero"`
}

// LoadDataset copies what work on a host's dataset needs to know, and enters
// the run in the catalog if it is one.
func (c *Control) LoadDataset(ctx context.Context, in LoadDatasetInput) (Plan, error) {
	hp, err := c.Catalog.HostPolicy(ctx, in.Host)
	if err != nil {
		return Plan{}, refused("reading the host", err)
	}
	h := hp.Host
	if !h.DatasetMade {
		return Plan{}, permanent(ErrTypeRefused, in.Host.String()+" has no snapshots yet: back it up first", "", nil)
	}
	if in.Kind == "" {
		// What is a run is refused as one.
		err = refused("looking at the host", c.Catalog.RefuseClaimed(ctx, h))
		if err != nil {
			return Plan{}, err
		}
	} else {
		err = c.Catalog.BeginRun(ctx, catalog.RunStart{
			ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
			Kind: in.Kind, Trigger: TriggerManual, Started: in.Started,
		})
		if err != nil {
			return Plan{}, refused("entering the run", err)
		}
	}
	return Plan{
		Run: in.Run, WorkflowID: in.WorkflowID, Started: in.Started, HostID: h.ID, Host: in.Host,
		Server: h.Server, Storage: h.Storage, Dataset: h.Dataset,
		Policy: hp.Policy, Trigger: TriggerManual, LastGood: h.LastGood,
	}, nil
}
