package client

import (
	"context"
	"net/http"
	"net/url"

	"planb/internal/policy"
	"planb/web/api"
)

func groupPath(name string) string { return "/groups/" + url.PathEscape(name) }

// AddGroup adds a group.
func (c *Client) AddGroup(ctx context.Context, name string, change api.GroupChange) error {
	return c.send(ctx, http.MethodPost, "/groups", api.NewGroup{Name: name, GroupChange: change}, nil)
}

// EditGroup changes a group.
func (c *Client) EditGroup(ctx context.Context, name string, change api.GroupChange) error {
	return c.send(ctx, http.MethodPatch, groupPath(name), change, nil)
}

// RenameGroup gives a group another name.
func (c *Client) RenameGroup(ctx context.Context, name, to string) error {
	return c.send(ctx, http.MethodPost, groupPath(name)+"/rename", api.NewName{To: to}, nil)
}

// RemoveGroup removes a group that has no hosts.
func (c *Client) RemoveGroup(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodDelete, groupPath(name), nil, nil)
}

// SystemEffective gives what all groups inherit.
func (c *Client) SystemEffective(ctx context.Context) (e policy.Effective, err error) {
	return e, c.getJSON(ctx, "/policy", nil, &e)
}

// EditPolicy changes what all groups inherit.
func (c *Client) EditPolicy(ctx context.Context, change api.SettingsChange) error {
	return c.send(ctx, http.MethodPatch, "/policy", change, nil)
}
