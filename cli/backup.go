package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

func (a *app) backupCommand() *ucli.Command {
	return &ucli.Command{
		Name: "backup", Usage: "back hosts up now", ArgsUsage: "HOST… | --group G | --all",
		Description: "Starts a backup of each host, outside of its schedule. Without --wait it\n" +
			"returns once they are started. A host that asks not to be backed up now\n" +
			"(do-not-run.d, a missing check file) is waited for; --now passes over\n" +
			"do-not-run.d. One that does not answer fails.\n\n" +
			"Exit status: 0 all well, 1 one failed or is partial, 3 no such host, 4 a backup\n" +
			"of the host is under way already, or a guard found the new one suspect.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "group", Usage: "every enabled host of group `G`"},
			&ucli.BoolFlag{Name: "all", Usage: "every enabled host"},
			&ucli.StringFlag{Name: "keep", Usage: "keep the snapshot until it is removed by hand, under `LABEL`"},
			&ucli.BoolFlag{Name: "now", Usage: "do not wait: pass over do-not-run.d, and end the wait of a backup that was put off"},
			&ucli.BoolFlag{Name: "wait", Usage: "wait for the end and show progress"},
			jsonFlag(),
		},
		Action: a.backup,
	}
}

// backupOptions is what the command was asked for.
type backupOptions struct {
	hosts           []ident.Host
	keep            string
	now, wait, json bool
}

func (a *app) backup(c *ucli.Context) error {
	o := backupOptions{keep: c.String("keep"), now: c.Bool("now"), wait: c.Bool("wait"), json: c.Bool("json")}
	if o.keep != "" {
		if err := ident.CheckLabel(o.keep); err != nil {
			return usageError(err)
		}
	}
	var err error
	if o.hosts, err = a.chosenHosts(c); err != nil {
		return err
	}
	return a.runBackups(c, o)
}

// chosenHosts are those named, or the enabled ones of --group or --all.
func (a *app) chosenHosts(c *ucli.Context) ([]ident.Host, error) {
	several := c.String("group") != "" || c.Bool("all")
	if several == c.Args().Present() {
		return nil, usagef("name the hosts, or say --group G or --all")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return nil, err
	}
	var chosen []ident.Host
	for _, arg := range c.Args().Slice() {
		h, err := ident.ParseHost(arg)
		if err != nil {
			return nil, usageError(err)
		}
		if _, err := store.Host(ctx, h); err != nil {
			return nil, err
		}
		chosen = append(chosen, h)
	}
	if !several {
		return chosen, nil
	}
	if group := c.String("group"); group != "" {
		if _, err := store.Group(ctx, group); err != nil {
			return nil, err
		}
	}
	hosts, err := store.Overview(ctx, catalog.HostFilter{Group: c.String("group")}, time.Now())
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		if h.Enabled {
			chosen = append(chosen, ident.Host{Group: h.Group, Name: h.Name})
		}
	}
	if len(chosen) == 0 {
		return nil, notFoundf("there is no enabled host: add one with planb host add")
	}
	return chosen, nil
}

// runBackups starts all backups first, then waits for each.
func (a *app) runBackups(c *ucli.Context, o backupOptions) error {
	if server, err := a.remote(c); server != nil || err != nil {
		if err != nil {
			return err
		}
		return a.remoteBackups(c, server, o)
	}
	ctx, op, err := a.operator(c)
	if err != nil {
		return err
	}
	var started []startedRun
	var refusals []error
	for _, h := range o.hosts {
		run, err := op.BackUp(ctx, h, operate.How{Keep: o.keep, Now: o.now})
		var running *worker.AlreadyRunningError
		if errors.As(err, &running) {
			refusals = append(refusals, refusedf("%w: see planb run show %s", err, running.Run))
			continue
		}
		if err != nil {
			return err
		}
		started = append(started, startedRun{host: h, workflowID: workflows.BackupID(h), run: run})
		if !o.json && !o.wait {
			fmt.Fprintf(a.stdout, "%s started, run %s\n", h, run)
		}
	}
	ends, err := a.waitFor(c, started, o)
	if err != nil {
		return err
	}
	if o.json {
		if err := a.printJSON(ends); err != nil {
			return err
		}
	}
	return worst(refusals, ends)
}

// startedRun is a run that this command started.
type startedRun struct {
	host       ident.Host
	workflowID string
	run        string
}

// waitFor gives what the catalog knows of the runs: at their end with --wait,
// else as they are now.
func (a *app) waitFor(c *ucli.Context, started []startedRun, o backupOptions) ([]catalog.Run, error) {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, err
	}
	ends := []catalog.Run{}
	for _, s := range started {
		if o.wait {
			if err := a.follow(c, s); err != nil {
				return nil, err
			}
		}
		r, err := a.recorded(ctx, store, s, o.wait)
		if err != nil {
			return nil, err
		}
		ends = append(ends, r)
		if o.wait && !o.json {
			a.printEnd(r)
		}
	}
	return ends, nil
}

// recorded reads a run from the catalog. One that Temporal has not begun yet
// is described by what is known of it.
func (a *app) recorded(ctx context.Context, store *catalog.Store, s startedRun, ended bool) (catalog.Run, error) {
	r, err := store.Run(ctx, s.run)
	if !catalog.IsNotFound(err) {
		return r, err
	}
	r = catalog.Run{
		ID: s.run, WorkflowRunID: s.run, WorkflowID: s.workflowID, Host: s.host.String(),
		Kind: catalog.KindBackup, Trigger: activities.TriggerManual, State: policy.StateRunning, Started: time.Now().UTC(),
	}
	if ended {
		r.State = policy.StateFailed
		r.Message = "the run ended before it was entered in the catalog"
		if tc := a.tc; tc != nil {
			if why := worker.FailureOf(ctx, tc, s.workflowID, s.run); why != nil {
				r.Message = catalog.Text(activities.Message(why))
			}
		}
	}
	return r, nil
}

func (a *app) printEnd(r catalog.Run) {
	line := fmt.Sprintf("%s %s", r.Host, r.State)
	if r.Snapshot != "" {
		line += fmt.Sprintf(", snapshot %s, %s of %s files, %s transferred", r.Snapshot,
			count(r.FilesTransferred), count(r.FilesTotal), sizePtr(r.BytesTransferred))
	}
	line += ", " + duration(r.DurationSeconds)
	fmt.Fprintln(a.stdout, line)
	if r.Message != "" && !bad(r) {
		fmt.Fprintln(a.stdout, "  "+string(r.Message))
	}
	if r.Remedy != "" && !bad(r) {
		fmt.Fprintln(a.stdout, "  "+string(r.Remedy))
	}
}

// bad says whether a run ended in a way that somebody has to look at: what is
// wrong with it is told on stderr.
func bad(r catalog.Run) bool {
	return r.State == policy.StateFailed || r.State == policy.StatePartial || r.State == policy.StateCancelled
}

// worst is the error that the command ends with: a line for each host that was
// refused or whose backup ended badly.
func worst(refusals []error, ends []catalog.Run) error {
	var failures []error
	for _, r := range ends {
		if suspect(r) {
			refusals = append(refusals, refusedf("the backup of %s is suspect: %s", r.Host, r.Remedy))
		}
		if !bad(r) {
			continue
		}
		text := fmt.Sprintf("the backup of %s ended %s", r.Host, r.State)
		for _, more := range []catalog.Text{r.Message, r.Remedy} {
			if more != "" {
				text += ": " + string(more)
			}
		}
		failures = append(failures, errors.New(text))
	}
	if len(failures) == 0 {
		return errors.Join(refusals...)
	}
	return &statusError{exitFailed, errors.Join(append(failures, refusals...)...)}
}
