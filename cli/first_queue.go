package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/worker"
	"planb/worker/operate"
)

// flushPatience bounds the wait for backups that were told to end.
const flushPatience = 30 * time.Second

func (a *app) bqueueallCommand() *ucli.Command {
	return &ucli.Command{
		Name: "bqueueall", Usage: "start a backup of every enabled host, outside of its schedule",
		Description: "The same as planb backup --all, but a host whose backup is under way already is passed over.\n" +
			"Each storage server works on a few at a time; the others wait for their turn.",
		Action: a.bqueueall,
	}
}

func (a *app) bqueueall(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb bqueueall takes no arguments: for some hosts see planb backup")
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	hosts, err := o.Catalog.Hosts(ctx, catalog.HostFilter{Enabled: new(true)})
	if err != nil {
		return err
	}
	for _, h := range hosts {
		run, err := o.BackUp(ctx, h.Ident(), operate.How{})
		var running *worker.AlreadyRunningError
		if errors.As(err, &running) {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "Enqueued %s job as %s\n", h.Ident(), run)
	}
	return nil
}

func (a *app) bqueueflushCommand() *ucli.Command {
	return &ucli.Command{
		Name: "bqueueflush", Usage: "end all backups that have not begun to transfer",
		Description: "Those that wait for their turn on a storage server, and those that a pre-check put off. What\n" +
			"is being transferred goes on: planb run cancel ends that. Schedules stay: planb schedule pause\n" +
			"keeps new backups from starting.",
		Flags:  []ucli.Flag{yesFlag()},
		Action: a.bqueueflush,
	}
}

func (a *app) bqueueflush(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb bqueueflush takes no arguments: for one backup see planb run cancel")
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	queued, err := o.Queued(ctx)
	if err != nil || len(queued) == 0 {
		return err
	}
	if err := a.ask(c, "End "+countOf(int64(len(queued)), "backup that waits", "backups that wait")+"?"); err != nil {
		return err
	}
	dropped := 0
	for _, r := range queued {
		err := o.Cancel(ctx, r)
		if catalog.IsRefused(err) { // it ended meanwhile
			continue
		}
		if err != nil {
			return err
		}
		dropped++
	}
	fmt.Fprintf(a.stdout, "Dropped %d jobs from Task queue\n", dropped)
	return a.awaitEnds(ctx, queued)
}

// awaitEnds waits until runs that were told to end have done so.
func (a *app) awaitEnds(ctx context.Context, runs []catalog.Run) error {
	waiting, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	for _, r := range runs {
		err := worker.Watch(waiting, a.tc, r.WorkflowID, r.ID, lookEvery, func(worker.Status) {})
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return fmt.Errorf("some of them have not ended yet: they do once planb control and the worker of their storage run, see planb runs")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
