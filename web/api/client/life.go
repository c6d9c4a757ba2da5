package client

import (
	"context"
	"net/http"

	"planb/internal/ident"
	"planb/web/api"
)

// RenameHost begins to give a host another name.
func (c *Client) RenameHost(ctx context.Context, host, to ident.Host) (b api.Begun, err error) {
	return b, c.send(ctx, http.MethodPost, hostPath(host)+"/rename", api.NewName{To: to.String()}, &b)
}

// RemoveHost begins to remove a host; with purge its data goes at once.
func (c *Client) RemoveHost(ctx context.Context, host ident.Host, purge bool) (b api.Begun, err error) {
	path := hostPath(host)
	if purge {
		path += "?purge=true"
	}
	return b, c.send(ctx, http.MethodDelete, path, nil, &b)
}

// Probe begins to look at a host.
func (c *Client) Probe(ctx context.Context, host ident.Host, in api.Probe) (b api.Begun, err error) {
	return b, c.send(ctx, http.MethodPost, hostPath(host)+"/probe", in, &b)
}

// Decide begins to accept or reject what is suspect; verdict is the path of it.
func (c *Client) Decide(ctx context.Context, host ident.Host, verdict string, in api.Decision) (b api.Begun, err error) {
	return b, c.send(ctx, http.MethodPost, hostPath(host)+"/"+verdict, in, &b)
}

// Follow tells how a run does that was begun for a host.
func (c *Client) Follow(ctx context.Context, host ident.Host, workflowID, run string) (f api.Followed, err error) {
	return f, c.getJSON(ctx, hostPath(host)+"/follow", query("workflow_id", workflowID, "run", run), &f)
}
