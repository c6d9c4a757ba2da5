package activities

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// LoadInput names the host that a run is for, and the run.
type LoadInput struct {
	Host       ident.Host `json:"host"`
	Run        string     `json:"run"`
	WorkflowID string     `json:"workflow_id"`
	Trigger    string     `json:"trigger"`
	Keep       string     `json:"keep,omitempty"`
	Started    time.Time  `json:"started"`
}

// Load copies the record and the effective policy of a host, and enters the
// run in the catalog. From here on the run works on its copy.
func (c *Control) Load(ctx context.Context, in LoadInput) (Plan, error) {
	h, err := c.Catalog.Host(ctx, in.Host)
	if err != nil {
		return Plan{}, noHost("reading the host", err)
	}
	if !h.Enabled && in.Trigger == TriggerSchedule {
		return Plan{}, permanent(ErrTypeRefused, in.Host.String()+" is disabled: "+h.DisabledReason, "", nil)
	}
	previous, since, err := c.Catalog.Counts(ctx, h.ID)
	if err != nil {
		return Plan{}, refused("reading what the last good backup counted", err)
	}
	err = c.Catalog.BeginRun(ctx, catalog.RunStart{
		ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
		Kind: KindBackup, Trigger: in.Trigger, Started: in.Started,
	})
	if err != nil {
		return Plan{}, refused("entering the run", err)
	}
	claim, err := c.Catalog.ClaimDataset(asActor(ctx), h.ID)
	if err != nil {
		return Plan{}, refused("choosing the dataset", err)
	}
	effective, jumpKeys, err := c.policyOf(ctx, in.Host)
	if err != nil {
		return Plan{}, err
	}
	return Plan{
		Run: in.Run, WorkflowID: in.WorkflowID, Started: in.Started,
		HostID: h.ID, Host: in.Host,
		Server: claim.Server, Storage: claim.Storage, Dataset: claim.Dataset,
		Transport: h.Transport, Address: h.Address, Module: h.Module, HostKeys: h.HostKeys, JumpHostKeys: jumpKeys,
		Policy: effective, Trigger: in.Trigger, Keep: in.Keep, LastGood: h.LastGood,
		Previous: previous, Since: since,
	}, nil
}

// policyOf gives the policy in force for a host, and the pinned keys of the
// jump host on the way to it.
func (c *Control) policyOf(ctx context.Context, host ident.Host) (effective policy.Effective, jumpKeys []string, err error) {
	if effective, err = c.Catalog.Effective(ctx, host); err != nil {
		return effective, nil, refused("reading the policy", err)
	}
	jumpKeys, err = c.jumpKeys(ctx, effective)
	return effective, jumpKeys, err
}

func (c *Control) jumpKeys(ctx context.Context, effective policy.Effective) ([]string, error) {
	jump := effective.JumpHost.Value
	if jump == "" {
		return nil, nil
	}
	keys, err := c.Catalog.JumpHostKeys(ctx, jump)
	if err != nil {
		return nil, refused("reading the keys of the jump host", err)
	}
	return keys, nil
}
