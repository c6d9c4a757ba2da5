package client

import (
	"context"
	"net/http"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/api"
	"planb/worker/operate"
	"planb/worker/schedules"
	"planb/workflows"
)

// Prune prunes a host, or plans it.
func (c *Client) Prune(ctx context.Context, host ident.Host, how api.Prune) (out workflows.PruneOutcome, err error) {
	return out, c.send(ctx, http.MethodPost, hostPath(host)+"/prune", how, &out)
}

// Verify starts a verification.
func (c *Client) Verify(ctx context.Context, host ident.Host, how api.Verification) (s api.Started, err error) {
	return s, c.send(ctx, http.MethodPost, hostPath(host)+"/verify", how, &s)
}

// Restore starts a restore, or a preview of one.
func (c *Client) Restore(ctx context.Context, host ident.Host, what api.Restore) (s api.Started, err error) {
	return s, c.send(ctx, http.MethodPost, hostPath(host)+"/restore", what, &s)
}

// Schedules lists the schedules of hosts, or of one.
func (c *Client) Schedules(ctx context.Context, host ident.Host) ([]operate.Schedule, error) {
	return all[operate.Schedule](ctx, c, "/schedules", query("host", host.String()), 0)
}

// Differences lists where schedules differ from the catalog.
func (c *Client) Differences(ctx context.Context) ([]schedules.Change, error) {
	return all[schedules.Change](ctx, c, "/schedules/differences", nil, 0)
}

// Sync makes schedules agree with the catalog, and lists what that changed.
func (c *Client) Sync(ctx context.Context) ([]schedules.Change, error) {
	var p page[schedules.Change]
	err := c.send(ctx, http.MethodPost, "/schedules/sync", nil, &p)
	return p.Items, err
}

// Stale lists datasets that no host's files go to, and says of each storage
// server that could not be asked why.
func (c *Client) Stale(ctx context.Context) (list []operate.StaleDataset, silent []string, err error) {
	var p struct {
		Items  []operate.StaleDataset `json:"items"`
		Silent []string               `json:"silent"`
	}
	err = c.getJSON(ctx, "/storages/stale", nil, &p)
	return p.Items, p.Silent, err
}

// Verifications lists evidence.
func (c *Client) Verifications(ctx context.Context, f catalog.VerificationFilter) ([]catalog.Verification, error) {
	q := query("host", f.Host.String(), "group", f.Group)
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339))
	}
	return all[catalog.Verification](ctx, c, "/verifications", q, f.Limit)
}

// Usage lists the usage samples of a month.
func (c *Client) Usage(ctx context.Context, month string) (catalog.UsageSamples, error) {
	return all[catalog.UsageSample](ctx, c, "/usage", query("month", month), 0)
}
