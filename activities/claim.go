package activities

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// claimAgain is when a host that is in use is looked at again.
const claimAgain = 10 * time.Second

// ClaimHostInput is a change that the host must hold still for.
type ClaimHostInput struct {
	Host    ident.Host      `json:"host"`
	Claimer catalog.Claimer `json:"claimer"`
	// To is the new name, for a rename.
	To ident.Host `json:"to,omitzero"`
	// Outcome is the run that the change is on record as.
	Outcome Outcome `json:"outcome"`
}

// ClaimedHost is a host that no run works on until it is released.
type ClaimedHost struct {
	HostID string     `json:"host_id"`
	Host   ident.Host `json:"host"`
	// Server, Storage and Dataset are empty for a host without a dataset.
	Server  string `json:"server,omitempty"`
	Storage string `json:"storage,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	// Made says that the dataset is on the pool, as far as the catalog knows.
	Made bool `json:"made,omitempty"`
	// MoveTo is where the dataset goes on a rename; empty when it stays.
	MoveTo string `json:"move_to,omitempty"`
	// Grace is how long the data of a removed host is kept.
	Grace time.Duration `json:"grace,omitempty"`
}

// ClaimHost keeps runs off a host, and enters this one in the catalog. While
// another is under way it is tried again later.
func (c *Control) ClaimHost(ctx context.Context, in ClaimHostInput) (ClaimedHost, error) {
	h, err := c.Catalog.ClaimHost(asActor(ctx), in.Host, in.Claimer)
	if catalog.IsBusy(err) {
		if err := c.Catalog.SetWaiting(ctx, start(in.Outcome), err.Error(), c.Now().Add(claimAgain)); err != nil {
			return ClaimedHost{}, refused("recording that the run waits", err)
		}
		return ClaimedHost{}, later(ErrTypeLocked, err.Error(), claimAgain, err)
	}
	if err != nil {
		return ClaimedHost{}, refused("claiming the host", err)
	}
	if err := c.Catalog.BeginRun(ctx, start(in.Outcome)); err != nil {
		return ClaimedHost{}, refused("entering the run", err)
	}
	out := ClaimedHost{
		HostID: h.ID, Host: in.Host, Server: h.Server, Storage: h.Storage, Dataset: h.Dataset,
		Made: h.DatasetMade, Grace: c.Grace,
	}
	if in.Claimer.For == catalog.ForRename {
		if out.MoveTo, err = c.renameTarget(ctx, h, in.To); err != nil {
			_ = c.Catalog.ReleaseHost(ctx, h.ID, in.Claimer.Run) // else the workflow's end does
			return ClaimedHost{}, refused("looking whether the new name is free", err)
		}
	}
	return out, nil
}

// renameTarget is where the dataset of a host goes when the host is renamed. A
// dataset that somebody chose stays, and so does one whose new place is taken.
func (c *Control) renameTarget(ctx context.Context, h catalog.Host, to ident.Host) (string, error) {
	if err := c.Catalog.CheckRename(ctx, h, to); err != nil {
		return "", err
	}
	if h.Dataset == "" || h.Dataset != standardDataset(h.Storage, h.Ident()) {
		return "", nil
	}
	target := standardDataset(h.Storage, to)
	if free, err := c.Catalog.DatasetIsFree(ctx, h, target); err != nil || !free {
		return "", err
	}
	return target, nil
}

func standardDataset(storage string, h ident.Host) string {
	return storage + "/" + h.Group + "/" + h.Name
}

// ReleaseHostInput is a claim that is not needed any more.
type ReleaseHostInput struct {
	HostID string `json:"host_id"`
	Run    string `json:"run"`
}

// ReleaseHost lets runs of the host begin again.
func (c *Control) ReleaseHost(ctx context.Context, in ReleaseHostInput) error {
	return refused("releasing the host", c.Catalog.ReleaseHost(ctx, in.HostID, in.Run))
}

// Schedules makes Temporal's schedules of hosts agree with the catalog; that
// of a host which is not there is removed.
type Schedules interface {
	Agree(ctx context.Context, hosts ...ident.Host) error
}

// SyncSchedules makes the schedules of hosts agree with the catalog.
func (c *Control) SyncSchedules(ctx context.Context, hosts []ident.Host) error {
	return refused("changing the schedule", c.Schedules.Agree(ctx, hosts...))
}
