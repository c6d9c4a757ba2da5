package cli

import (
	"context"
	"fmt"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

// openedHost is a host, and what its life is changed with.
type openedHost struct {
	ctx   context.Context
	tc    client.Client
	store *catalog.Store
	host  catalog.Host
}

// openHost gives the host that is the only argument.
func (a *app) openHost(c *ucli.Context) (openedHost, error) {
	host, err := hostArg(c)
	if err != nil {
		return openedHost{}, err
	}
	return a.open(c, host)
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
		fmt.Fprintf(a.stdout, "Renamed host %s to %s. It has no data yet.\n", host, to)
		return a.syncSchedules(c, host, to)
	}
	run, err := worker.StartRename(o.ctx, o.tc, workflows.RenameInput{Host: host, To: to, Actor: actor()})
	var res workflows.RenameResult
	if err := a.await(c, host, run, err, &res); err != nil {
		return err
	}
	where := "stays in"
	if res.Moved {
		where = "is now in"
	}
	fmt.Fprintf(a.stdout, "Renamed host %s to %s. Its data %s dataset %s on server %s.\n", host, to, where, res.Dataset, res.Server)
	return nil
}

func (a *app) hostRemove(c *ucli.Context) error {
	o, err := a.openHost(c)
	if err != nil {
		return err
	}
	h, host := o.host, o.host.Ident()
	purge := c.Bool("purge")
	if err := a.askRemove(c, o, purge); err != nil {
		return err
	}
	if h.Dataset == "" {
		if _, err := o.store.RemoveHost(o.ctx, h.ID, ""); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "Removed host %s. It has no data yet.\n", host)
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

// askRemove asks once before a host is removed, and once more before its data
// is.
func (a *app) askRemove(c *ucli.Context, o openedHost, purge bool) error {
	h := o.host
	if !purge {
		return a.ask(c, "Remove host "+h.Ident().String()+"? Its settings go now, its data after the grace time.")
	}
	snaps, err := o.store.Snapshots(o.ctx, h.Ident())
	if err != nil {
		return err
	}
	if err := operate.MayPurge(snaps); err != nil {
		return refusedf("%w with planb snapshot release", err)
	}
	if err := a.ask(c, fmt.Sprintf("Remove host %s and destroy its data, %d snapshots, now?", h.Ident(), len(snaps))); err != nil {
		return err
	}
	return a.ask(c, fmt.Sprintf("There is no way back. Destroy all backups of %s, in dataset %s on server %s?", h.Ident(), h.Dataset, h.Server))
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
