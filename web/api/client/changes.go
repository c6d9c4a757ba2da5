package client

import (
	"context"
	"net/http"
	"net/url"

	"planb/internal/ident"
	"planb/web/api"
)

// AddHost adds a host.
func (c *Client) AddHost(ctx context.Context, host ident.Host, n api.NewHost) error {
	n.Host = host.String()
	return c.send(ctx, http.MethodPost, "/hosts/"+host.Group, n, nil)
}

// EditHost changes a host.
func (c *Client) EditHost(ctx context.Context, host ident.Host, change api.HostChange) error {
	return c.send(ctx, http.MethodPatch, hostPath(host), change, nil)
}

// SetEnabled enables a host, or disables it for a reason.
func (c *Client) SetEnabled(ctx context.Context, host ident.Host, enabled bool, reason string) error {
	if enabled {
		return c.send(ctx, http.MethodPost, hostPath(host)+"/enable", nil, nil)
	}
	return c.send(ctx, http.MethodPost, hostPath(host)+"/disable", api.Reason{Reason: reason}, nil)
}

// BackUp starts a backup.
func (c *Client) BackUp(ctx context.Context, host ident.Host, how api.Backup) (s api.Started, err error) {
	return s, c.send(ctx, http.MethodPost, hostPath(host)+"/backup", how, &s)
}

// Cancel asks a run to end.
func (c *Client) Cancel(ctx context.Context, run string) error {
	return c.send(ctx, http.MethodPost, "/runs/"+url.PathEscape(run)+"/cancel", nil, nil)
}

// Hold keeps a snapshot from being removed.
func (c *Client) Hold(ctx context.Context, s ident.HostSnap, hold api.Hold) error {
	return c.send(ctx, http.MethodPost, snapPath(s.Host, s.Snapshot)+"/hold", hold, nil)
}

// Release takes a hold back.
func (c *Client) Release(ctx context.Context, s ident.HostSnap) error {
	return c.send(ctx, http.MethodPost, snapPath(s.Host, s.Snapshot)+"/release", nil, nil)
}

// RemoveSnapshot removes a snapshot for good.
func (c *Client) RemoveSnapshot(ctx context.Context, s ident.HostSnap) error {
	return c.send(ctx, http.MethodDelete, snapPath(s.Host, s.Snapshot), nil, nil)
}
