package client

import (
	"context"
	"net/http"
	"net/url"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/api"
)

func userPath(name string) string { return "/users/" + url.PathEscape(name) }

// Users lists users.
func (c *Client) Users(ctx context.Context) ([]catalog.User, error) {
	return all[catalog.User](ctx, c, "/users", nil, 0)
}

// User gives a user.
func (c *Client) User(ctx context.Context, name string) (u catalog.User, err error) {
	return u, c.getJSON(ctx, userPath(name), nil, &u)
}

// AddUser adds a user.
func (c *Client) AddUser(ctx context.Context, name, display string, grants access.Grants, password string) (u catalog.User, err error) {
	in := api.NewUser{Name: name, DisplayName: display, Grants: grants, Password: password}
	return u, c.send(ctx, http.MethodPost, "/users", in, &u)
}

// EditUser changes a user.
func (c *Client) EditUser(ctx context.Context, name string, e catalog.UserEdit) (u catalog.User, err error) {
	return u, c.send(ctx, http.MethodPatch, userPath(name), api.UserChange(e), &u)
}

// SetPassword sets a new password, which ends all sessions of the user.
func (c *Client) SetPassword(ctx context.Context, name, password string) error {
	return c.send(ctx, http.MethodPost, userPath(name)+"/password", api.Password{Password: password}, nil)
}

// SetUserEnabled lets a user sign in again, or no more.
func (c *Client) SetUserEnabled(ctx context.Context, name string, enabled bool) (u catalog.User, err error) {
	verb := "/disable"
	if enabled {
		verb = "/enable"
	}
	return u, c.send(ctx, http.MethodPost, userPath(name)+verb, nil, &u)
}

// RemoveUser removes a user with all sessions and tokens.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodDelete, userPath(name), nil, nil)
}

// Tokens lists all tokens.
func (c *Client) Tokens(ctx context.Context) ([]catalog.Token, error) {
	return all[catalog.Token](ctx, c, "/tokens", nil, 0)
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, n catalog.NewToken) (made api.TokenMade, err error) {
	in := api.NewToken{Name: n.Name, User: n.User, Grants: n.Grants, ExpiresAt: n.ExpiresAt}
	return made, c.send(ctx, http.MethodPost, "/tokens", in, &made)
}

// RemoveToken removes a token.
func (c *Client) RemoveToken(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(name), nil, nil)
}
