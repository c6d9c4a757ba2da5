package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// Record writes how a run ended: its own row, the snapshots that the pool
// holds now, the host's sizes, the storage's room. Done again it writes the
// same.
func (c *Control) Record(ctx context.Context, out Outcome) error {
	ctx = asActor(ctx)
	if m := out.Measured; m != nil {
		if err := c.recordMeasured(ctx, out, *m); err != nil && !gone(err) {
			return refused("recording the snapshots", err)
		}
	}
	detail, err := json.Marshal(out.brief())
	if err != nil {
		return fmt.Errorf("recording the run: %w", err)
	}
	if err := c.Catalog.FinishRun(ctx, start(out), c.end(out, detail)); err != nil {
		return refused("recording the run", err)
	}
	return nil
}

func (c *Control) recordMeasured(ctx context.Context, out Outcome, m Measured) error {
	if err := c.Catalog.MarkDatasetMade(ctx, out.HostID); err != nil {
		return err
	}
	list := make([]catalog.Snapshot, len(m.Snapshots))
	for i, s := range m.Snapshots {
		list[i] = catalog.Snapshot{
			Name: s.Name, Created: s.Created, State: catalog.Text(s.State), Tiers: s.Tiers,
			UsedBytes: max(0, s.Used), ReferencedBytes: max(0, s.Referenced),
			Holds: s.Holds, HoldReason: catalog.Text(s.HoldReason), HoldUntil: s.HoldUntil, Run: catalog.Text(s.Run),
		}
	}
	if m.Asked.IsZero() {
		m.Asked = m.At
	}
	err := c.Catalog.RecordListing(ctx, out.HostID, catalog.Listing{
		Snapshots: list, At: m.At, Asked: m.Asked,
		Sizes: &catalog.Sizes{UsedBytes: max(0, m.Used), ReferencedBytes: max(0, m.Referenced), At: m.At},
	})
	if err != nil {
		return err
	}
	return c.Catalog.UpsertStorage(ctx, storageRecord(out.Server, "", m.Room, m.At))
}

// RecordMeasuredInput is what the pool holds for a host.
type RecordMeasuredInput struct {
	Plan     Plan     `json:"plan"`
	Measured Measured `json:"measured"`
}

// RecordMeasured writes down what the pool holds for a host, which was removed
// meanwhile or not.
func (c *Control) RecordMeasured(ctx context.Context, in RecordMeasuredInput) error {
	p := in.Plan
	err := c.recordMeasured(asActor(ctx), Outcome{HostID: p.HostID, Host: p.Host, Server: p.Server}, in.Measured)
	if gone(err) {
		return nil
	}
	if err == nil {
		// A decision about what was suspect shows in the snapshots.
		err = c.Catalog.SettleHost(ctx, p.HostID, c.Now())
	}
	return refused("recording the snapshots", err)
}

func start(out Outcome) catalog.RunStart {
	return catalog.RunStart{
		ID: out.Run, WorkflowID: out.WorkflowID, HostID: out.HostID, Host: out.Host,
		Kind: out.Kind, Trigger: out.Trigger, Started: out.Started,
	}
}

func (c *Control) end(out Outcome, detail json.RawMessage) catalog.RunEnd {
	end := catalog.RunEnd{
		State: out.State, Finished: c.Now(), Snapshot: out.Snapshot, Suspect: len(out.Guards) > 0,
		Warnings: out.Pull.Warnings, Message: out.Message, Remedy: out.Remedy, Detail: detail,
		Ping: c.Channels.WaitsForGood(out.Host.Group),
	}
	if out.Pull.State != "" {
		p := out.Pull
		end.FilesTotal, end.FilesTransferred, end.FilesDeleted = &p.FilesTotal, &p.FilesTransferred, &p.FilesDeleted
		end.BytesTransferred, end.BytesTotal = &p.BytesTransferred, &p.BytesTotal
	}
	if v := out.Verified; v != nil {
		end.FilesTotal, end.FilesTransferred = &v.Tally.Files, &v.Tally.Files
		end.BytesTotal, end.BytesTransferred = &v.Tally.Bytes, &v.Tally.Bytes
	}
	for _, s := range out.snapshots() {
		if s.Name == out.Snapshot {
			end.SnapshotCreated = &s.Created
		}
	}
	return end
}

// RecordWaitingInput says why a run waits, or, without a reason, that it goes
// on.
type RecordWaitingInput struct {
	Outcome Outcome    `json:"outcome"`
	Reason  string     `json:"reason,omitempty"`
	Next    *time.Time `json:"next,omitempty"`
}

// RecordWaiting writes that a run is put off, or that it goes on.
func (c *Control) RecordWaiting(ctx context.Context, in RecordWaitingInput) error {
	if in.Next == nil {
		return refused("recording that the run goes on", c.Catalog.BeginRun(ctx, start(in.Outcome)))
	}
	return refused("recording that the run waits", c.Catalog.SetWaiting(ctx, start(in.Outcome), in.Reason, *in.Next))
}

// RecordSkipInput is a start by schedule that found a backup under way.
type RecordSkipInput struct {
	Host       ident.Host `json:"host"`
	Run        string     `json:"run"`
	WorkflowID string     `json:"workflow_id"`
	At         time.Time  `json:"at"`
	Reason     string     `json:"reason"`
}

// RecordSkip writes that a start by schedule did not happen, and why.
func (c *Control) RecordSkip(ctx context.Context, in RecordSkipInput) error {
	h, err := c.Catalog.Host(ctx, in.Host)
	if err != nil {
		return refused("reading the host", err)
	}
	return refused("recording the skip", c.Catalog.FinishRun(ctx, catalog.RunStart{
		ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
		Kind: KindBackup, Trigger: TriggerSchedule, Started: in.At,
	}, catalog.RunEnd{State: policy.StateSkipped, Finished: c.Now(), Message: in.Reason}))
}
