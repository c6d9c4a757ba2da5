package cli

import (
	"context"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/api/client"
	"planb/worker/operate"
	"planb/worker/schedules"
)

func (a *app) scheduleCommand() *ucli.Command {
	return &ucli.Command{
		Name: "schedule", Usage: "see when hosts are backed up", Subcommands: []*ucli.Command{
			{
				Name: "list", Usage: "list the schedule of each host", ArgsUsage: "[HOST…]",
				Flags: []ucli.Flag{jsonFlag()}, Action: a.scheduleList,
			},
			{
				Name: "sync", Usage: "make Temporal's schedules agree with the catalog",
				Description: "Every change of a host does this for that host; this is for all of them, e.g.\n" +
					"after Temporal's database was lost.",
				Flags: []ucli.Flag{jsonFlag()}, Action: func(c *ucli.Context) error { return a.scheduleSync(c, false) },
			},
			{
				Name: "check", Usage: "show where Temporal's schedules differ from the catalog",
				Description: "Exit status: 0 they agree, 1 they do not.",
				Flags:       []ucli.Flag{jsonFlag()}, Action: func(c *ucli.Context) error { return a.scheduleSync(c, true) },
			},
			{
				Name: "pause", Usage: "start no more backups of hosts by schedule, for a reason", ArgsUsage: "HOST…",
				Description: "The same as planb host disable, for several hosts: a host whose schedule is paused\n" +
					"is disabled. Backups by hand go on.",
				Flags: []ucli.Flag{reasonFlag()}, Action: a.schedulePause,
			},
			{
				Name: "resume", Usage: "start backups of hosts by schedule again", ArgsUsage: "HOST…",
				Description: "The same as planb host enable, for several hosts.",
				Action:      a.scheduleResume,
			},
		},
	}
}

func (a *app) scheduleList(c *ucli.Context) error {
	rows, err := a.schedules(c)
	if err != nil {
		return err
	}
	return list(a, c, rows, "HOST EVERY WINDOW TIMEZONE NEXT PAUSED", func(r operate.Schedule) []string {
		return []string{r.Host, r.Every, text(r.Window), r.Timezone, when(r.Next), text(r.PauseReason)}
	})
}

func (a *app) schedules(c *ucli.Context) ([]operate.Schedule, error) {
	server, err := a.remote(c)
	if err != nil {
		return nil, err
	}
	if server != nil {
		return remoteSchedules(c, server)
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return nil, err
	}
	hosts, err := a.policiesOf(ctx, c, o.Catalog)
	if err != nil {
		return nil, err
	}
	return o.Schedules(ctx, hosts)
}

// remoteSchedules gives those of the hosts that the arguments name, or all.
func remoteSchedules(c *ucli.Context, server *client.Client) ([]operate.Schedule, error) {
	if !c.Args().Present() {
		return server.Schedules(c.Context, ident.Host{})
	}
	rows := []operate.Schedule{}
	for _, arg := range c.Args().Slice() {
		host, err := ident.ParseHost(arg)
		if err != nil {
			return nil, usageError(err)
		}
		one, err := server.Schedules(c.Context, host)
		if err != nil {
			return nil, err
		}
		rows = append(rows, one...)
	}
	return rows, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// policiesOf are the hosts that the arguments name, or all.
func (a *app) policiesOf(ctx context.Context, c *ucli.Context, store *catalog.Store) ([]catalog.HostPolicy, error) {
	if !c.Args().Present() {
		return store.HostPolicies(ctx, catalog.HostFilter{})
	}
	var out []catalog.HostPolicy
	for _, arg := range c.Args().Slice() {
		h, err := ident.ParseHost(arg)
		if err != nil {
			return nil, usageError(err)
		}
		hp, err := store.HostPolicy(ctx, h)
		if err != nil {
			return nil, err
		}
		out = append(out, hp)
	}
	return out, nil
}

func (a *app) syncer(c *ucli.Context) (schedules.Syncer, error) {
	tc, err := a.temporal(c)
	if err != nil {
		return schedules.Syncer{}, err
	}
	return schedules.Syncer{Client: tc.ScheduleClient()}, nil
}

func (a *app) agree(c *ucli.Context, dry bool) ([]schedules.Change, error) {
	server, err := a.remote(c)
	switch {
	case err != nil:
		return nil, err
	case server != nil && dry:
		return server.Differences(c.Context)
	case server != nil:
		return server.Sync(c.Context)
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, err
	}
	syncer, err := a.syncer(c)
	if err != nil {
		return nil, err
	}
	return schedules.Keeper{Catalog: store, Syncer: syncer}.AgreeAll(ctx, dry)
}

func (a *app) scheduleSync(c *ucli.Context, dry bool) error {
	changes, err := a.agree(c, dry)
	if err != nil {
		return err
	}
	if changes == nil {
		changes = []schedules.Change{}
	}
	if len(changes) == 0 && !c.Bool("json") {
		fmt.Fprintln(a.stdout, "The schedules agree with the catalog.")
		return nil
	}
	if err := list(a, c, changes, "HOST ACTION", func(ch schedules.Change) []string { return []string{ch.Host, ch.Action} }); err != nil {
		return err
	}
	if dry && len(changes) > 0 {
		return fmt.Errorf("%d schedules differ from the catalog: planb schedule sync makes them agree", len(changes))
	}
	return nil
}

// syncSchedules makes the schedules of these hosts agree with the catalog. The
// change that led here is made already, so that Temporal being away is only
// said, with what to do once it is back.
func (a *app) syncSchedules(c *ucli.Context, hosts ...ident.Host) error {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	syncer, err := a.syncer(c)
	if err != nil {
		return laterSync(err)
	}
	if err := (schedules.Keeper{Catalog: store, Syncer: syncer}).Agree(ctx, hosts...); err != nil {
		return laterSync(err)
	}
	return nil
}

func laterSync(err error) error {
	return fmt.Errorf("the change is made, but its schedule is not: %w; then run planb schedule sync", err)
}

func (a *app) schedulePause(c *ucli.Context) error { return a.setEnabled(c, false, "Paused") }

func (a *app) scheduleResume(c *ucli.Context) error { return a.setEnabled(c, true, "Resumed") }
