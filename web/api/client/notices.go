package client

import (
	"context"

	"planb/internal/catalog"
)

// Notices lists what was told, the newest first.
func (c *Client) Notices(ctx context.Context, f catalog.NoticeQuery) (catalog.NoticeList, error) {
	yes := map[bool]string{true: "yes"}
	q := query("host", f.Host, "group", f.Group, "kind", f.Kind, "open", yes[f.Open], "undelivered", yes[f.Undelivered])
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	found, err := all[catalog.NoticeLine](ctx, c, "/notices", q, limit)
	return catalog.NoticeList{Notices: found}, err
}
