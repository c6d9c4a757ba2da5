package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/worker"
	"planb/workflows"
)

func (a *app) restoreCommand() *ucli.Command {
	return &ucli.Command{
		Name: "restore", Usage: "bring files of a snapshot back", ArgsUsage: "HOST[@SNAP] PATH…",
		Description: "PATH is as it was on the host, e.g. /etc/nginx; it is made again below DIR, as\n" +
			"DIR/etc/nginx, on the server that owns the snapshot. Without SNAP it is the newest\n" +
			"good one; a date as in @2026-11-20 is the last one up to the end of that day. Files\n" +
			"that are there already stay as they are unless --overwrite is said.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "to", Usage: "restore into `DIR`"},
			&ucli.BoolFlag{Name: "overwrite", Usage: "replace files that are there already"},
			jsonFlag(),
		},
		Action: a.restore,
	}
}

func (a *app) restore(c *ucli.Context) error {
	in, err := a.restoreInput(c)
	if err != nil {
		return err
	}
	tc, err := a.temporal(c)
	if err != nil {
		return err
	}
	id, run, err := worker.StartRestore(c.Context, tc, in)
	if err != nil {
		return err
	}
	s := startedRun{host: in.Host, workflowID: id, run: run}
	ends, err := a.waitFor(c, []startedRun{s}, backupOptions{wait: true, json: true})
	if err != nil {
		return err
	}
	r := ends[0]
	if c.Bool("json") {
		if err := a.printJSON(ends); err != nil {
			return err
		}
	} else if r.State == "ok" || r.State == "warning" {
		fmt.Fprintf(a.stdout, "%s: %s of %s files restored from %s to %s\n", in.Host, count(r.FilesTransferred), count(r.FilesTotal), r.Snapshot, in.To)
		if r.Message != "" {
			fmt.Fprintf(a.stdout, "  %s: %s\n", r.Message, r.Remedy)
		}
	}
	if r.State == "ok" || r.State == "warning" {
		return nil
	}
	if r.Remedy != "" {
		return fmt.Errorf("%s: %s", r.Message, r.Remedy)
	}
	return errors.New(string(r.Message))
}

func (a *app) restoreInput(c *ucli.Context) (in workflows.RestoreInput, err error) {
	if c.Args().Len() < 2 {
		return in, usagef("say what to restore: planb restore HOST[@SNAP] PATH… --to DIR")
	}
	if c.String("to") == "" {
		return in, usagef("say where to restore to: --to DIR")
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return in, usageError(err)
	}
	in = workflows.RestoreInput{Host: target.Host, Overwrite: c.Bool("overwrite")}
	for _, p := range c.Args().Tail() {
		if !filepath.IsAbs(p) {
			return in, usagef("%q is no path on the host: paths begin with /, as in /etc", p)
		}
		in.Paths = append(in.Paths, filepath.Clean(p))
	}
	if in.To, err = filepath.Abs(c.String("to")); err != nil {
		return in, err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return in, err
	}
	if in.Snapshot, err = chooseSnapshot(ctx, store, target); err != nil {
		return in, err
	}
	return in, a.requirePaths(ctx, c, store, in)
}

// requirePaths refuses paths that the snapshot does not have before anything
// is started.
func (a *app) requirePaths(ctx context.Context, c *ucli.Context, store *catalog.Store, in workflows.RestoreInput) error {
	host, err := store.Host(ctx, in.Host)
	if err != nil {
		return err
	}
	files, err := a.reader(ctx, c, store, host)
	if err != nil {
		return err
	}
	for _, path := range in.Paths {
		if _, err := files.Stat(ctx, dataplane.At{Dataset: host.Dataset, Snap: in.Snapshot, Path: path}); err != nil {
			return dataError(err)
		}
	}
	return nil
}
