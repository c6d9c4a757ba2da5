package cli

import (
	"context"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/api/client"
	"planb/worker/operate"
)

// hostFlags are those of a host itself, beside the settings that it inherits.
func hostFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "address", Usage: "DNS name or IP `ADDRESS`; ADDRESS::MODULE for an rsync daemon"},
		&ucli.StringFlag{Name: "storage", Usage: "`DATASET` or SERVER:DATASET to keep it on, where there are several"},
		&ucli.StringFlag{Name: "dataset", Usage: "keep its files in this `DATASET` instead of <storage>/<group>/<name>"},
		listFlag("tag", "a `WORD` to find it by; again for more; replaces those there are"),
		listFlag("host-key", "pin this `KEY` (\"ssh-ed25519 AAAA…\"); again for more; else that of the first contact"),
		&ucli.StringFlag{Name: "notes", Usage: "a remark for people"},
	}
}

// hostChange reads the flags that hostFlags gives.
func hostChange(c *ucli.Context) (e catalog.HostEdit, err error) {
	if c.IsSet("address") {
		address, err := ident.ParseAddress(c.String("address"))
		if err != nil {
			return e, usageError(err)
		}
		e.Address, e.Module = &address.Host, &address.Module
	}
	if c.IsSet("dataset") {
		if err := ident.CheckDataset(c.String("dataset")); err != nil {
			return e, usageError(err)
		}
		e.Dataset = new(c.String("dataset"))
	}
	if c.IsSet("storage") {
		e.Storage = new(c.String("storage"))
	}
	if c.IsSet("notes") {
		e.Notes = new(c.String("notes"))
	}
	if c.IsSet("tag") {
		tags := listValue(c, "tag")
		for _, tag := range tags {
			if err := ident.CheckLabel(tag); err != nil {
				return e, usagef("--tag: %w", err)
			}
		}
		e.Tags = &tags
	}
	if c.IsSet("host-key") {
		keys, err := parseHostKeys(listValue(c, "host-key"))
		if err != nil {
			return e, err
		}
		e.HostKeys = &keys
	}
	return e, nil
}

func (a *app) hostAdd(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	n := catalog.NewHost{Host: host}
	if err := newHost(c, &n); err != nil {
		return err
	}
	if server, err := a.remote(c); server != nil || err != nil {
		if err != nil {
			return err
		}
		return a.remoteHostAdd(c, server, n, "")
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	return a.addHost(ctx, c, store, n)
}

// newHost puts what the flags say into n, over what is there.
func newHost(c *ucli.Context, n *catalog.NewHost) error {
	e, err := hostChange(c)
	if err != nil {
		return err
	}
	if e.Address == nil {
		return usagef("give the host's address: --address %s.example.com", n.Host.Name)
	}
	n.Address, n.Module = *e.Address, *e.Module
	setIf(&n.Storage, e.Storage)
	setIf(&n.Dataset, e.Dataset)
	setIf(&n.Notes, e.Notes)
	setIf(&n.Tags, e.Tags)
	setIf(&n.HostKeys, e.HostKeys)
	if c.IsSet("disabled") {
		n.DisabledReason = c.String("disabled")
		if n.DisabledReason == "" {
			return usagef("--disabled needs a reason, for whoever wonders later")
		}
	}
	return setPolicy(c, &n.Settings)
}

func setIf[T any](v *T, to *T) {
	if to != nil {
		*v = *to
	}
}

// addHost adds n, and its group where that is not there.
func (a *app) addHost(ctx context.Context, c *ucli.Context, store *catalog.Store, n catalog.NewHost) error {
	n.AddGroup = true
	_, missing := store.Group(ctx, n.Host.Group)
	h, err := store.AddHost(ctx, n)
	if err != nil {
		return err
	}
	a.toldAdded(h.Ident(), h.Enabled, catalog.IsNotFound(missing))
	return a.syncSchedules(c, h.Ident())
}

// toldAdded says that a host was added, its group with it where that is new.
func (a *app) toldAdded(host ident.Host, enabled, newGroup bool) {
	if newGroup {
		fmt.Fprintf(a.stdout, "Added group %s.\n", host.Group)
	}
	fmt.Fprintf(a.stdout, "Added host %s.", host)
	if enabled {
		fmt.Fprintf(a.stdout, " Next: planb backup %s --wait", host)
	}
	fmt.Fprintln(a.stdout)
}

func (a *app) hostClone(c *ucli.Context) error {
	from, to, err := twoHosts(c)
	if err != nil {
		return err
	}
	n := catalog.NewHost{Host: to}
	if err := newHost(c, &n); err != nil { // before anything is opened
		return err
	}
	if named, err := a.through(c, func(s *client.Client) error { return a.remoteHostAdd(c, s, n, from.String()) }); named {
		return err
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if n, err = (operate.Operator{Catalog: store}).LikeHost(ctx, from); err != nil {
		return err
	}
	n.Host = to
	if err := newHost(c, &n); err != nil {
		return err
	}
	return a.addHost(ctx, c, store, n)
}
