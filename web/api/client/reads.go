package client

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// page is one page of a list.
type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// mostAPage is how much is asked for at once.
const mostAPage = 1000

// all reads the pages of a list, up to limit items; a limit below 1 is none.
func all[T any](ctx context.Context, c *Client, path string, q url.Values, limit int) ([]T, error) {
	list := []T{}
	for {
		if q != nil {
			q.Set("limit", strconv.Itoa(mostAPage))
			if limit > 0 {
				q.Set("limit", strconv.Itoa(min(mostAPage, limit-len(list))))
			}
		}
		var p page[T]
		if err := c.getJSON(ctx, path, q, &p); err != nil {
			return nil, err
		}
		list = append(list, p.Items...)
		if p.Next == nil || limit > 0 && len(list) >= limit {
			return list, nil
		}
		q.Set("after", *p.Next)
	}
}

func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func hostPath(h ident.Host) string { return "/hosts/" + h.String() }

func snapPath(h ident.Host, snap string) string {
	return hostPath(h) + "/snapshots/" + url.PathEscape(snap)
}

// Overview lists hosts.
func (c *Client) Overview(ctx context.Context, f catalog.HostFilter, _ time.Time) ([]catalog.HostOverview, error) {
	return all[catalog.HostOverview](ctx, c, "/hosts", query("group", f.Group, "tag", f.Tag), 0)
}

// HostShown shows a host.
func (c *Client) HostShown(ctx context.Context, host ident.Host, _ time.Time) (h catalog.HostShown, err error) {
	return h, c.getJSON(ctx, hostPath(host), nil, &h)
}

// Host gives the record of a host.
func (c *Client) Host(ctx context.Context, host ident.Host) (catalog.Host, error) {
	shown, err := c.HostShown(ctx, host, time.Time{})
	return shown.Record(), err
}

// Effective gives the policy of a host.
func (c *Client) Effective(ctx context.Context, host ident.Host) (policy.Effective, error) {
	shown, err := c.HostShown(ctx, host, time.Time{})
	return shown.Policy, err
}

// Groups lists groups.
func (c *Client) Groups(ctx context.Context) ([]catalog.Group, error) {
	return all[catalog.Group](ctx, c, "/groups", nil, 0)
}

// GroupShown shows a group.
func (c *Client) GroupShown(ctx context.Context, name string) (g catalog.GroupShown, err error) {
	return g, c.getJSON(ctx, groupPath(name), nil, &g)
}

// Group gives a group.
func (c *Client) Group(ctx context.Context, name string) (catalog.Group, error) {
	g, err := c.GroupShown(ctx, name)
	return g.Group, err
}

// Runs lists runs.
func (c *Client) Runs(ctx context.Context, f catalog.RunFilter) ([]catalog.Run, error) {
	host := ""
	if f.Host != (ident.Host{}) {
		host = f.Host.String()
	}
	q := query("host", host, "group", f.Group, "state", f.State, "kind", f.Kind)
	return all[catalog.Run](ctx, c, "/runs", q, cmp.Or(f.Limit, 50))
}

// Run gives a run by its id or the beginning of it.
func (c *Client) Run(ctx context.Context, prefix string) (r catalog.Run, err error) {
	return r, c.getJSON(ctx, "/runs/"+url.PathEscape(prefix), nil, &r)
}

// Snapshots lists the snapshots of a host.
func (c *Client) Snapshots(ctx context.Context, host ident.Host) ([]catalog.Snapshot, error) {
	return all[catalog.Snapshot](ctx, c, hostPath(host)+"/snapshots", nil, 0)
}

// StorageRooms lists storages.
func (c *Client) StorageRooms(ctx context.Context, _ catalog.Visible, _ time.Time) ([]catalog.StorageRoom, error) {
	return all[catalog.StorageRoom](ctx, c, "/storages", nil, 0)
}
