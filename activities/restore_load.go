package activities

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// LoadRestoreInput names the snapshot that files are wanted from.
type LoadRestoreInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a name; empty means the newest good one.
	Snapshot   string    `json:"snapshot,omitempty"`
	Run        string    `json:"run"`
	WorkflowID string    `json:"workflow_id"`
	Started    time.Time `json:"started"`
	// ToHost is the host to push to.
	ToHost ident.Host `json:"to_host,omitzero"`
	// Actor is who asked for it; What is kept of it in the audit log.
	Actor string         `json:"actor,omitempty"`
	What  map[string]any `json:"what,omitempty"`
}

// RestorePlan is where the files are, and where they go when that is a host.
type RestorePlan struct {
	Run      string     `json:"run"`
	HostID   string     `json:"host_id"`
	Host     ident.Host `json:"host"`
	Server   string     `json:"server"`
	Dataset  string     `json:"dataset"`
	Snapshot string     `json:"snapshot"`
	// Include and Exclude are what backups of the host take and leave out.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Target is the host to push to.
	Target *Plan `json:"target,omitempty"`
}

// LoadRestore finds the snapshot and the target, enters the run in the catalog
// and writes down who restores what to where.
func (c *Control) LoadRestore(ctx context.Context, in LoadRestoreInput) (RestorePlan, error) {
	h, err := c.Catalog.Host(ctx, in.Host)
	if err != nil {
		return RestorePlan{}, noHost("reading the host", err)
	}
	snapshot := in.Snapshot
	if snapshot == "" {
		snapshot = h.LastGoodSnapshot
	}
	if snapshot == "" || h.Dataset == "" {
		return RestorePlan{}, permanent(ErrTypeRefused, in.Host.String()+" has no good snapshot yet", "back it up first", nil)
	}
	plan := RestorePlan{
		Run: in.Run, HostID: h.ID, Host: in.Host, Server: h.Server, Dataset: h.Dataset, Snapshot: snapshot,
	}
	effective, err := c.Catalog.Effective(ctx, in.Host)
	if err != nil {
		return RestorePlan{}, refused("reading the policy", err)
	}
	plan.Include, plan.Exclude = effective.Include.Value, effective.Exclude.Value
	subjects := []ident.Host{in.Host}
	// Before the run is entered: one that is refused here has not begun.
	if in.ToHost != (ident.Host{}) {
		target, err := c.pushTarget(ctx, in.ToHost)
		if err != nil {
			return RestorePlan{}, err
		}
		plan.Target = &target
		if in.ToHost != in.Host {
			subjects = append(subjects, in.ToHost)
		}
	}
	err = c.Catalog.BeginRun(ctx, catalog.RunStart{
		ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
		Kind: KindRestore, Trigger: TriggerManual, Started: in.Started,
	})
	if err != nil {
		return RestorePlan{}, refused("entering the run", err)
	}
	what := map[string]any{"host": in.Host.String(), "snapshot": snapshot}
	for k, v := range in.What {
		what[k] = v
	}
	for _, subject := range subjects {
		if err := c.Catalog.NoteChange(catalog.WithActor(ctx, in.Actor), in.Run, "host.restore", subject.String(), what); err != nil {
			return RestorePlan{}, refused("noting the restore", err)
		}
	}
	return plan, nil
}

// pushTarget gives the way to a host that files are pushed to.
func (c *Control) pushTarget(ctx context.Context, host ident.Host) (Plan, error) {
	h, err := c.Catalog.Host(ctx, host)
	if err != nil {
		return Plan{}, refused("reading the host", err)
	}
	refuse := func(message, remedy string) (Plan, error) {
		return Plan{}, permanent(ErrTypeRefused, host.String()+" "+message, remedy, nil)
	}
	switch {
	case !h.Enabled:
		return refuse("is disabled ("+h.DisabledReason+")", "enable it, or restore to a directory or another host")
	case h.Transport != TransportSSH:
		return refuse("is backed up from an rsync daemon, and files are pushed over ssh alone", "restore to a directory, or to a host with ssh")
	case len(h.HostKeys) == 0:
		return refuse("has no pinned host key yet, so nobody knows who would answer", "see planb host probe "+host.String())
	}
	effective, jumpKeys, err := c.policyOf(ctx, host)
	if err != nil {
		return Plan{}, err
	}
	if effective.JumpHost.Value != "" && len(jumpKeys) == 0 {
		return refuse("is behind a jump host without a pinned host key", "see planb host probe "+host.String())
	}
	return Plan{
		HostID: h.ID, Host: host, Transport: h.Transport, Address: h.Address,
		HostKeys: h.HostKeys, JumpHostKeys: jumpKeys, Policy: effective, Trigger: TriggerManual,
	}, nil
}
