package web

import (
	"context"
	"errors"
	"net"
	"net/url"

	"planb/internal/access"
	"planb/internal/catalog"
)

// firstAdmin makes the user of the configuration an admin where there is no
// user yet. Later, passwords are changed on the pages or with planb user: the
// configuration has no say any more.
func firstAdmin(ctx context.Context, o Options, passwords *access.Passwords) error {
	there, err := o.Catalog.HasUsers(ctx)
	if err != nil || there {
		return err
	}
	if o.User == "" || o.Password == "" {
		o.Log.Warn("nobody can sign in yet: add a user with planb user add NAME --role admin")
		return nil
	}
	if err := errors.Join(access.CheckUser(o.User), access.CheckPassword(o.User, o.Password)); err != nil {
		o.Log.Warn("the user of the configuration was not added (web.user, web.password): add one with planb user add NAME --role admin", "error", err)
		return nil
	}
	hash, err := passwords.Hash(ctx, o.Password)
	if err != nil {
		return err
	}
	added, err := o.Catalog.AddFirstUser(catalog.WithActor(ctx, "planb (configuration)"), catalog.NewUser{
		Name: o.User, Grants: access.Grants{{Role: access.AdminRole}}, PasswordHash: hash,
	})
	if added {
		o.Log.Info("added the first user", "user", o.User, "role", access.AdminRole)
	}
	return err
}

// warnPlain says so when passwords would travel where others can read them.
func warnPlain(o Options) {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return
	}
	if u, err := url.Parse(o.URL); err == nil && u.Scheme == "https" {
		return
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
		return
	}
	o.Log.Warn("passwords are sent without encryption: put a proxy with TLS in front, listen on a loopback address, and set web.url to https://…", "listen", o.Listen)
}
