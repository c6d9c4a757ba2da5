package cli

import (
	"cmp"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/worker"
)

func (a *app) runsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "runs", Usage: "list runs, the newest first", ArgsUsage: "[HOST]",
		Flags: []ucli.Flag{
			&ucli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N` runs; 0 for all"},
			&ucli.StringFlag{Name: "state", Usage: "only runs in `STATE`"},
			&ucli.StringFlag{Name: "group", Usage: "only runs of hosts of `G`"},
			jsonFlag(),
		},
		Action: a.runs,
	}
}

func (a *app) runs(c *ucli.Context) error {
	f := catalog.RunFilter{State: c.String("state"), Group: c.String("group"), Limit: c.Int("limit")}
	if f.Limit == 0 {
		f.Limit = -1
	}
	if f.State != "" && f.State != policy.StateRunning && f.State != policy.StateWaiting && !policy.IsFinal(f.State) {
		return usagef("%q is not the state of a run: give waiting, running, ok, warning, partial, failed, skipped or cancelled", f.State)
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	if c.Args().Present() {
		if f.Host, err = ident.ParseHost(c.Args().First()); err != nil {
			return usageError(err)
		}
	}
	runs, err := store.Runs(ctx, f)
	if err != nil {
		return err
	}
	if len(runs) == 0 && f.Host != (ident.Host{}) {
		if _, err := store.Host(ctx, f.Host); err != nil {
			return err
		}
	}
	return list(a, c, runs, "RUN HOST KIND STATE STARTED DURATION FILES TRANSFERRED SNAPSHOT MESSAGE", func(r catalog.Run) []string {
		return []string{
			r.ID, r.Host, r.Kind, r.State, when(&r.Started), duration(r.DurationSeconds),
			count(r.FilesTotal), sizePtr(r.BytesTransferred), string(r.Snapshot), cut(string(cmp.Or(r.Reason, r.Message)), 60),
		}
	})
}

func (a *app) runCommand() *ucli.Command {
	return &ucli.Command{
		Name: "run", Usage: "look at one run, or end it", Subcommands: []*ucli.Command{
			{Name: "show", Usage: "tell what a run did", ArgsUsage: "RUN", Flags: []ucli.Flag{jsonFlag()}, Action: a.runShow},
			a.runLogCommand(),
			{Name: "cancel", Usage: "end a run that is under way", ArgsUsage: "RUN", Action: a.runCancel},
		},
	}
}

// theRun finds the run that the only argument names.
func (a *app) theRun(c *ucli.Context) (catalog.Run, error) {
	if c.Args().Len() != 1 {
		return catalog.Run{}, usagef("name one run, as planb runs lists them")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return catalog.Run{}, err
	}
	return store.Run(ctx, c.Args().First())
}

func (a *app) runShow(c *ucli.Context) error {
	r, err := a.theRun(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printObject(r)
	}
	a.printRun(c, r)
	return nil
}

func (a *app) runCancel(c *ucli.Context) error {
	r, err := a.theRun(c)
	if err != nil {
		return err
	}
	if r.Finished != nil {
		return refusedf("the run has ended already, %s", r.State)
	}
	if server, err := a.remote(c); server != nil || err != nil {
		if err != nil {
			return err
		}
		return a.remoteCancel(c, server, r)
	}
	ctx, op, err := a.operator(c)
	if err != nil {
		return err
	}
	if err := op.Cancel(ctx, r); err != nil {
		return err
	}
	err = worker.Watch(c.Context, op.Temporal, r.WorkflowID, r.ID, lookEvery, func(worker.Status) {})
	if err == nil {
		fmt.Fprintf(a.stdout, "%s of %s cancelled\n", r.Kind, r.Host)
	}
	return err
}
