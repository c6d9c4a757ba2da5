package activities

import (
	"context"

	"planb/internal/ident"
)

// PinHostKeysInput are the keys seen at the first contact with a host, or with
// its jump host; those known already are left out.
type PinHostKeysInput struct {
	Host     ident.Host `json:"host"`
	HostID   string     `json:"host_id"`
	Keys     []string   `json:"keys,omitempty"`
	JumpHost string     `json:"jump_host,omitempty"`
	JumpKeys []string   `json:"jump_keys,omitempty"`
}

// PinHostKeys writes the keys down: from here on no others are accepted. Keys
// that somebody else pinned meanwhile win, and fail the run.
func (c *Control) PinHostKeys(ctx context.Context, in PinHostKeysInput) error {
	ctx = asActor(ctx)
	if len(in.JumpKeys) > 0 {
		if err := c.Catalog.PinJumpHostKeys(ctx, in.JumpHost, in.JumpKeys); err != nil {
			return refused("pinning the keys of the jump host", err)
		}
	}
	if len(in.Keys) == 0 {
		return nil
	}
	return refused("pinning the host keys", c.Catalog.PinHostKeys(ctx, in.HostID, in.Keys))
}
