package activities

import (
	"context"

	"planb/internal/ident"
)

// PinHostKeysInput are the keys seen at the first contact with a host.
type PinHostKeysInput struct {
	Host   ident.Host `json:"host"`
	HostID string     `json:"host_id"`
	Keys   []string   `json:"keys"`
}

// PinHostKeys writes the keys down: from here on no others are accepted. Keys
// that somebody else pinned meanwhile win, and fail the run.
func (c *Control) PinHostKeys(ctx context.Context, in PinHostKeysInput) error {
	return refused("pinning the host keys", c.Catalog.PinHostKeys(asActor(ctx), in.HostID, in.Keys))
}
