package cli

import (
	"context"
	"fmt"

	ucli "github.com/urfave/cli/v2"
	tclient "go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/api/client"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

// openedHost is a host, and what its life is changed with.
type openedHost struct {
	ctx   context.Context
	tc    tclient.Client
	store *catalog.Store
	host  catalog.Host
}

func (a *app) open(c *ucli.Context, host ident.Host) (o openedHost, err error) {
	if o.host, o.tc, err = a.knownHost(c, host); err != nil {
		return o, err
	}
	o.ctx, o.store, err = a.catalog(c)
	return o, err
}

func (a *app) hostRename(c *ucli.Context) error {
	host, to, err := twoHosts(c)
	if err != nil {
		return err
	}
	if named, err := a.through(c, func(s *client.Client) error { return a.remoteRename(c, s, host, to) }); named {
		return err
	}
	o, err := a.open(c, host)
	if err != nil {
		return err
	}
	h := o.host
	if err := o.store.CheckRename(o.ctx, h, to); err != nil {
		return err
	}
	if h.Dataset == "" {
		// Nothing of it is on a storage: there is nothing to wait for.
		if _, err := o.store.RenameHost(o.ctx, h.ID, to, "", ""); err != nil {
			return err
		}
		a.toldRenamed(host, to, workflows.RenameResult{})
		return a.syncSchedules(c, host, to)
	}
	run, err := worker.StartRename(o.ctx, o.tc, workflows.RenameInput{Host: host, To: to, Actor: actor()})
	var res workflows.RenameResult
	if err := a.await(c, host, run, err, &res); err != nil {
		return err
	}
	a.toldRenamed(host, to, res)
	return nil
}

// toldRenamed says where the data of a renamed host is.
func (a *app) toldRenamed(host, to ident.Host, res workflows.RenameResult) {
	switch {
	case res.Dataset == "":
		fmt.Fprintf(a.stdout, "Renamed host %s to %s. It has no data yet.\n", host, to)
	case res.Moved:
		fmt.Fprintf(a.stdout, "Renamed host %s to %s. Its data is now in dataset %s on server %s.\n", host, to, res.Dataset, res.Server)
	default:
		fmt.Fprintf(a.stdout, "Renamed host %s to %s. Its data stays in dataset %s on server %s.\n", host, to, res.Dataset, res.Server)
	}
}

// remoteRename has a server rename a host.
func (a *app) remoteRename(c *ucli.Context, server *client.Client, host, to ident.Host) error {
	begun, err := server.RenameHost(c.Context, host, to)
	if err != nil {
		return err
	}
	var res workflows.RenameResult
	if err := a.remoteAwait(c, server, host, begun, &res); err != nil {
		return err
	}
	a.toldRenamed(host, to, res)
	return nil
}

func (a *app) hostRemove(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	purge := c.Bool("purge")
	if err := a.askRemove(c, host, purge); err != nil {
		return err
	}
	if named, err := a.through(c, func(s *client.Client) error { return a.remoteRemove(c, s, host, purge) }); named {
		return err
	}
	o, err := a.open(c, host)
	if err != nil {
		return err
	}
	if o.host.Dataset == "" {
		if _, err := o.store.RemoveHost(o.ctx, o.host.ID, ""); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, removedWithoutData, host)
		return a.syncSchedules(c, host)
	}
	run, err := worker.StartDelete(o.ctx, o.tc, workflows.DeleteInput{Host: host, Purge: purge, Actor: actor()})
	var res workflows.DeleteResult
	if err := a.await(c, host, run, err, &res); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Removed host %s.%s\n", host, fate(res))
	return nil
}

const removedWithoutData = "Removed host %s. It has no data yet.\n"

// remoteRemove has a server remove a host.
func (a *app) remoteRemove(c *ucli.Context, server *client.Client, host ident.Host, purge bool) error {
	begun, err := server.RemoveHost(c.Context, host, purge)
	if err != nil {
		return err
	}
	if begun.Run == nil {
		fmt.Fprintf(a.stdout, removedWithoutData, host)
		return nil
	}
	var res workflows.DeleteResult
	if err := a.remoteAwait(c, server, host, begun, &res); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Removed host %s.%s\n", host, fate(res))
	return nil
}

// askRemove asks once before a host is removed, and once more before its data
// is.
func (a *app) askRemove(c *ucli.Context, host ident.Host, purge bool) error {
	ctx, from, err := a.reads(c)
	if err != nil {
		return err
	}
	h, err := from.Host(ctx, host)
	if err != nil {
		return err
	}
	if !purge {
		return a.ask(c, "Remove host "+host.String()+"? Its settings go now, its data after the grace time.")
	}
	snaps, err := from.Snapshots(ctx, host)
	if err != nil {
		return err
	}
	if err := operate.MayPurge(snaps); err != nil {
		return refusedf("%w with planb snapshot release", err)
	}
	if err := a.ask(c, fmt.Sprintf("Remove host %s and destroy its data, %d snapshots, now?", host, len(snaps))); err != nil {
		return err
	}
	return a.ask(c, fmt.Sprintf("There is no way back. Destroy all backups of %s, in dataset %s on server %s?", host, h.Dataset, h.Server))
}

// fate says what becomes of the data of a removed host.
func fate(r workflows.DeleteResult) string {
	switch {
	case r.Destroyed:
		return fmt.Sprintf(" Its dataset %s on server %s is destroyed.", r.Dataset, r.Server)
	case !r.There:
		return " There is no data of it."
	}
	return fmt.Sprintf(" Its data stays in dataset %s on server %s until %s; planb storage keep %s keeps it for good.",
		r.Dataset, r.Server, when(&r.Expires), r.Dataset)
}
