package activities

import (
	"context"

	"planb/internal/catalog"
)

// NoteInput is a change that a person asked for, and what the pool looks like
// after it.
type NoteInput struct {
	Plan Plan `json:"plan"`
	// Actor is who asked, e.g. "root (cli)".
	Actor string `json:"actor"`
	// Action is what the audit log calls it, e.g. "snapshot.hold".
	Action string         `json:"action"`
	Detail map[string]any `json:"detail,omitempty"`
	// Measured is nil where that did not work out.
	Measured *Measured `json:"measured,omitempty"`
}

// Note writes the change into the audit log, once, and the snapshots into the
// catalog as they are now.
func (c *Control) Note(ctx context.Context, in NoteInput) error {
	p := in.Plan
	err := c.Catalog.NoteChange(catalog.WithActor(ctx, in.Actor), p.Run, in.Action, p.Host.String(), in.Detail)
	if err != nil {
		return refused("noting the change", err)
	}
	if in.Measured == nil {
		return nil
	}
	return c.RecordMeasured(ctx, RecordMeasuredInput{Plan: p, Measured: *in.Measured})
}
