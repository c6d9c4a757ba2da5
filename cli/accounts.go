package cli

import (
	"context"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/api"
)

// accounts is where users and tokens are kept: in the catalog, or behind the API
// of a server.
type accounts interface {
	Users(ctx context.Context) ([]catalog.User, error)
	User(ctx context.Context, name string) (catalog.User, error)
	AddUser(ctx context.Context, name, display string, grants access.Grants, password string) (catalog.User, error)
	EditUser(ctx context.Context, name string, e catalog.UserEdit) (catalog.User, error)
	SetPassword(ctx context.Context, name, password string) error
	SetUserEnabled(ctx context.Context, name string, enabled bool) (catalog.User, error)
	RemoveUser(ctx context.Context, name string) error
	Tokens(ctx context.Context) ([]catalog.Token, error)
	AddToken(ctx context.Context, n catalog.NewToken) (api.TokenMade, error)
	RemoveToken(ctx context.Context, name string) error
}

// accounts opens where users and tokens are kept.
func (a *app) accounts(c *ucli.Context) (context.Context, accounts, error) {
	server, err := a.remote(c)
	if err != nil {
		return nil, nil, err
	}
	if server != nil {
		return c.Context, server, nil
	}
	ctx, store, err := a.catalog(c)
	return ctx, kept{store}, err
}

// kept are the accounts of the catalog.
type kept struct{ *catalog.Store }

func (k kept) AddUser(ctx context.Context, name, display string, grants access.Grants, password string) (u catalog.User, err error) {
	hash, err := access.NewPasswords().Hash(ctx, password)
	if err != nil {
		return u, err
	}
	return k.Store.AddUser(ctx, catalog.NewUser{Name: name, DisplayName: display, Grants: grants, PasswordHash: hash})
}

func (k kept) SetPassword(ctx context.Context, name, password string) error {
	hash, err := access.NewPasswords().Hash(ctx, password)
	if err != nil {
		return err
	}
	return k.Store.SetPassword(ctx, name, hash, "")
}

func (k kept) Tokens(ctx context.Context) ([]catalog.Token, error) { return k.Store.Tokens(ctx, "") }

func (k kept) AddToken(ctx context.Context, n catalog.NewToken) (made api.TokenMade, err error) {
	secret, err := k.Store.AddToken(ctx, n, time.Now().UTC())
	return api.TokenMade{Name: n.Name, Token: secret, User: catalog.Text(n.User), Grants: n.Grants, ExpiresAt: n.ExpiresAt}, err
}

func (k kept) RemoveToken(ctx context.Context, name string) error {
	return k.Store.RemoveToken(ctx, name, "")
}
