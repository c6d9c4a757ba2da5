package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/rsync"
	"planb/internal/tarball"
	"planb/worker"
	"planb/workflows"
)

func (a *app) restoreCommand() *ucli.Command {
	return &ucli.Command{
		Name: "restore", Usage: "bring files of a snapshot back",
		ArgsUsage: "HOST[@SNAP] PATH… --to DIR | --to-host[=HOST] | --tar FILE",
		Description: "PATH is as it was on the host, e.g. /etc/nginx; it is made again below DIR, as\n" +
			"DIR/etc/nginx, on the server that owns the snapshot. With --to-host it goes back to\n" +
			"the host, or to another one, to its original place or below --prefix. --tar writes\n" +
			"an archive on that server, or with - to standard output here.\n\n" +
			"Without SNAP it is the newest good one; a date as in @2026-11-20 is the last one up\n" +
			"to the end of that day. What is there already stays as it is unless --overwrite is\n" +
			"said, and nothing is deleted unless --delete is.\n\n" +
			"Exit status: 0 done, also with a warning, 1 failed or partial, 2 usage, 3 no such\n" +
			"host, snapshot or path, 4 refused.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "to", Usage: "restore into `DIR` on the storage server"},
			&ucli.GenericFlag{Name: "to-host", Value: &optionalHost{}, DefaultText: "the host itself", Usage: "push to the host, or to another with --to-host=`HOST`"},
			&ucli.StringFlag{Name: "prefix", Usage: "with --to-host: below `DIR` there instead of the original place"},
			&ucli.StringFlag{Name: "tar", Usage: "write an archive to `FILE` on the storage server (.tar, .tar.gz, .tar.zst), or to standard output with -"},
			&ucli.BoolFlag{Name: "zstd", Usage: "with --tar -: compress"},
			&ucli.BoolFlag{Name: "overwrite", Usage: "replace what is there already and differs"},
			&ucli.BoolFlag{Name: "delete", Usage: "delete what is there and not in the snapshot, in directories given as PATH"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "change nothing, and list what would change"},
			&ucli.BoolFlag{Name: "as-self", Usage: "with --to and a worker that is not root: restore without owners, devices, ACLs and attributes"},
			yesFlag(), jsonFlag(),
		},
		Action: a.restore,
	}
}

// optionalHost is the value of --to-host, which may be left out.
type optionalHost struct {
	set bool
	// text is empty for the host itself.
	text string
}

// Set implements flag.Value.
func (o *optionalHost) Set(text string) error {
	o.set, o.text = true, text
	if text == "true" { // what the flag package says for no value
		o.text = ""
	}
	return nil
}

// String implements flag.Value.
func (o *optionalHost) String() string { return o.text }

// IsBoolFlag lets the value be left out.
func (o *optionalHost) IsBoolFlag() bool { return true }

func (a *app) restore(c *ucli.Context) error {
	in, err := a.restoreInput(c)
	if err != nil {
		return err
	}
	if in.Tar == "-" {
		return a.streamTar(c, in)
	}
	if err := a.askRestore(c, in); err != nil {
		return err
	}
	server, err := a.remote(c)
	if err != nil {
		return err
	}
	if server != nil {
		return a.remoteRestore(c, server, in)
	}
	tc, err := a.temporal(c)
	if err != nil {
		return err
	}
	id, run, err := worker.StartRestore(c.Context, tc, in)
	if err != nil {
		return err
	}
	err = a.follow(c, startedRun{host: in.Host, workflowID: id, run: run})
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; the restore goes on: planb run cancel %s ends it", run)
	}
	if err != nil {
		return err
	}
	return a.restoreEnd(c, tc, in, id, run)
}

// askRestore asks before files on a live host are replaced or deleted.
func (a *app) askRestore(c *ucli.Context, in workflows.RestoreInput) error {
	if in.ToHost == (ident.Host{}) || in.Prefix != "" || in.DryRun || !in.Overwrite && !in.Delete {
		return nil
	}
	var what []string
	if in.Overwrite {
		what = append(what, "replaces files")
	}
	if in.Delete {
		what = append(what, "deletes files")
	}
	return a.ask(c, fmt.Sprintf("This %s on %s (--dry-run lists them).", strings.Join(what, " and "), in.ToHost))
}

// restoreEnd tells how the run ended.
func (a *app) restoreEnd(c *ucli.Context, tc client.Client, in workflows.RestoreInput, id, run string) error {
	var out activities.Outcome
	if err := workflowError(tc.GetWorkflow(c.Context, id, run).Get(c.Context, &out)); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	r, err := store.Run(ctx, run)
	if err != nil {
		return err
	}
	return a.tellRestored(ctx, c, store, in, r)
}

// tellRestored tells what came of a run that has ended.
func (a *app) tellRestored(ctx context.Context, c *ucli.Context, store reads, in workflows.RestoreInput, r catalog.Run) (err error) {
	switch {
	case in.DryRun:
		err = a.printChanges(ctx, c, store, r)
	case c.Bool("json"):
		err = a.printJSON([]catalog.Run{r})
	default:
		a.printRestored(ctx, c, store, in, r)
	}
	if err != nil {
		return err
	}
	if bad(r) {
		return errors.New(strings.TrimSuffix(string(r.Message)+": "+string(r.Remedy), ": "))
	}
	return nil
}

// printRestored says what was restored, and what was not.
func (a *app) printRestored(ctx context.Context, c *ucli.Context, store reads, in workflows.RestoreInput, r catalog.Run) {
	counts := restoredCounts(r)
	fmt.Fprintf(a.stdout, "%s: %s, %s, restored from %s to %s in %s\n",
		in.Host, countOf(counts.Files, "file", "files"), size(counts.Bytes), r.Snapshot, in.Where(), duration(r.DurationSeconds))
	for _, n := range []struct {
		n    int64
		text string
	}{{counts.Overwritten, "replaced"}, {counts.Deleted, "deleted"}, {counts.Kept, "left alone"}} {
		if n.n > 0 {
			fmt.Fprintf(a.stdout, "  %s there already, and %s\n", countOf(n.n, "entry was", "entries were"), n.text)
		}
	}
	if r.Message != "" && !bad(r) {
		fmt.Fprintln(a.stdout, "  "+strings.TrimSuffix(string(r.Message)+": "+string(r.Remedy), ": "))
	}
	if counts.Kept == 0 {
		return
	}
	changes, err := a.changesOf(ctx, c, store, r)
	if err != nil {
		return // the log is there for whoever wants the list
	}
	shown := 0
	for _, ch := range changes {
		if ch.Action != rsync.ActionKept {
			continue
		}
		if shown++; shown > mostKept {
			fmt.Fprintf(a.stdout, "  … see planb run log %s\n", r.ID)
			return
		}
		fmt.Fprintln(a.stdout, "  kept "+ch.Path)
	}
}

// mostKept is how many of the files that were left alone the end of a restore
// names.
const mostKept = 20

// restoredCounts are in the detail of the run.
func restoredCounts(r catalog.Run) rsync.RestoreCounts {
	var detail struct {
		Restored rsync.RestoreCounts `json:"restored"`
	}
	_ = json.Unmarshal(r.Detail, &detail)
	return detail.Restored
}

func (a *app) restoreInput(c *ucli.Context) (in workflows.RestoreInput, err error) {
	place := filepath.Abs
	if a.serverURL(c) != "" {
		place = func(name string) (string, error) { return name, nil } // the server knows
	}
	target, in, err := restoreFlags(c, place)
	if err != nil {
		return in, err
	}
	in.Actor = actor()
	if in.Tar == "-" && !a.piped {
		return in, usagef("an archive is nothing for a terminal: say where it goes, as in planb restore … --tar - >FILE")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return in, err
	}
	if in.ToHost != (ident.Host{}) {
		if _, err := store.Host(ctx, in.ToHost); err != nil {
			return in, err
		}
	}
	if in.Snapshot, err = chooseSnapshot(ctx, store, target); err != nil {
		return in, err
	}
	return in, a.requirePaths(ctx, c, store, in)
}

// restoreFlags reads what can be read without asking anybody; place gives the
// path on the storage server.
func restoreFlags(c *ucli.Context, place func(string) (string, error)) (target ident.HostSnap, in workflows.RestoreInput, err error) {
	toHost, _ := c.Generic("to-host").(*optionalHost)
	if toHost == nil {
		toHost = &optionalHost{}
	}
	ways := 0
	for _, set := range []bool{c.String("to") != "", toHost.set, c.String("tar") != ""} {
		if set {
			ways++
		}
	}
	switch {
	case c.Args().Len() < 2:
		return target, in, usagef("say what to restore: planb restore HOST[@SNAP] PATH… --to DIR")
	case ways != 1:
		return target, in, usagef("say where to restore to: one of --to DIR, --to-host[=HOST] and --tar FILE")
	}
	if target, err = ident.ParseHostSnap(c.Args().First()); err != nil {
		return target, in, usageError(err)
	}
	in = workflows.RestoreInput{
		Host: target.Host, Overwrite: c.Bool("overwrite"), Delete: c.Bool("delete"), DryRun: c.Bool("dry-run"),
		AsSelf: c.Bool("as-self"), Prefix: c.String("prefix"),
	}
	if in.Prefix != "" && filepath.Clean(in.Prefix) == "/" {
		in.Prefix = "" // which is the original place, and asked about as that
	}
	for _, p := range c.Args().Tail() {
		if !filepath.IsAbs(p) {
			if _, err := ident.ParseHost(p); err == nil && toHost.set {
				return target, in, usagef("say --to-host=%s for another host: without = it means the host itself", p)
			}
			return target, in, usagef("%q is no path on the host: paths begin with /, as in /etc", p)
		}
		in.Paths = append(in.Paths, filepath.Clean(p))
	}
	if toHost.set {
		in.ToHost = in.Host
		if toHost.text != "" {
			if in.ToHost, err = ident.ParseHost(toHost.text); err != nil {
				return target, in, usageError(err)
			}
		}
	}
	if to := c.String("to"); to != "" {
		if in.To, err = place(to); err != nil {
			return target, in, err
		}
	}
	if in.Tar = c.String("tar"); in.Tar != "-" && in.Tar != "" {
		if in.Tar, err = place(in.Tar); err != nil {
			return target, in, err
		}
	}
	return target, in, restoreConflicts(c, in)
}

// restoreConflicts refuses flags that do not go together.
func restoreConflicts(c *ucli.Context, in workflows.RestoreInput) error {
	switch {
	case c.String("prefix") != "" && in.ToHost == (ident.Host{}):
		return usagef("--prefix goes with --to-host")
	case in.Prefix != "":
		if err := rsync.CheckRemoteDest(in.Prefix); err != nil {
			return usageError(err)
		}
	case in.Tar != "" && in.Tar != "-" && tarball.CheckName(in.Tar) != nil:
		return usageError(tarball.CheckName(in.Tar))
	case c.Bool("zstd") && in.Tar != "-":
		return usagef("--zstd goes with --tar -; a FILE that ends in .zst is compressed by itself")
	case in.Tar != "" && in.Delete:
		return usagef("--delete does not go with --tar: an archive holds what it holds")
	case in.Tar == "-" && (in.Overwrite || in.DryRun || c.Bool("json")):
		return usagef("--tar - writes the archive to standard output, and goes with --zstd alone")
	case in.AsSelf && in.To == "":
		return usagef("--as-self goes with --to: the other ways keep owners")
	}
	return nil
}

// requirePaths refuses paths that the snapshot does not have before anything
// is started.
func (a *app) requirePaths(ctx context.Context, c *ucli.Context, store reads, in workflows.RestoreInput) error {
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
