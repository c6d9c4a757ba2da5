package cli

import (
	"fmt"
	"io"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/index"
	"planb/internal/policy"
)

func (a *app) diffCommand() *ucli.Command {
	return &ucli.Command{
		Name: "diff", Usage: "show what changed between two snapshots, or since one", ArgsUsage: "HOST SNAP1 [SNAP2]",
		Description: "SNAP is the name of a snapshot, or a date for the last good one up to the end of that day,\n" +
			"in the host's time zone. Without SNAP2 it is compared with the live data: what the last\n" +
			"transfer left on the storage server, not what is on the host now.\n\n" +
			"added and removed are paths; changed is another content, by size, time or checksum; meta is\n" +
			"another owner, mode, number of links, time alone, or other attributes. Directories of which\n" +
			"only the time differs are left out. The last line is the sum of all.\n\n" +
			"Exit status: 0 done, 1 failed or there is more than --limit, 2 usage, 3 no such snapshot.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "path", Usage: "only what lies at or beneath `PATH` of the host", Value: "/"}, limitFlag(), jsonFlag(),
		},
		Action: a.diff,
	}
}

func (a *app) diff(c *ucli.Context) error {
	if n := c.Args().Len(); n < 2 || n > 3 {
		return usagef("say what to compare: planb diff HOST SNAP1 [SNAP2]")
	}
	host, err := ident.ParseHost(c.Args().First())
	if err != nil {
		return usageError(err)
	}
	limit, err := a.limitOf(c)
	if err != nil {
		return err
	}
	ctx, files, err := a.filesOf(c, host)
	if err != nil {
		return err
	}
	at := dataplane.At{Dataset: files.host.Dataset, Path: c.String("path")}
	if at.Snap, err = files.choose(ctx, c.Args().Get(1)); err != nil {
		return err
	}
	to := ""
	if c.Args().Len() == 3 {
		if to, err = files.choose(ctx, c.Args().Get(2)); err != nil {
			return err
		}
	} else if err := a.warnOfWriting(c, files.store, host); err != nil {
		return err
	}
	p := newPrinter(a, c, fmt.Sprintf("%-7s  %10s  %10s  %s", "CHANGE", "OLD", "NEW", "PATH"), showChange)
	answer, err := files.Diff(ctx, at, to, limit.n, p.print)
	if err == nil && !c.Bool("json") && answer.Difference != nil {
		fmt.Fprintln(p.w, sumOf(*answer.Difference))
	}
	if err := p.end(err); err != nil {
		return err
	}
	if n := answer.Difference.Unread; n > 0 {
		return fmt.Errorf("%d live files could not be looked at", n)
	}
	answer.Missing = nil // both that were asked for are there
	return notWhole(answer, limit)
}

// warnOfWriting says so when the live data changes under the comparison.
func (a *app) warnOfWriting(c *ucli.Context, store reads, host ident.Host) error {
	runs, err := store.Runs(c.Context, catalog.RunFilter{Host: host, Kind: catalog.KindBackup, State: policy.StateRunning, Limit: 1})
	if err == nil && len(runs) > 0 {
		fmt.Fprintf(a.stderr, "planb: a backup of %s is under way: its live data changes while it is looked at\n", host)
	}
	return err
}

func showChange(w io.Writer, ch dataplane.ChangedPath) error {
	path := ch.Path
	if ch.Old != nil && ch.New != nil {
		if what := differences(*ch.Old, *ch.New); what != "" {
			path += "  (" + what + ")"
		}
	}
	_, err := fmt.Fprintf(w, "%-7s  %10s  %10s  %s\n", ch.Change, extent(ch.Old), extent(ch.New), path)
	return err
}

// differences puts in words what sizes do not show.
func differences(was, now dataplane.FileVersion) string {
	var all []string
	add := func(what, a, b string) {
		if a != b {
			all = append(all, what+" "+a+" to "+b)
		}
	}
	add("from", was.Type, now.Type)
	add("mode", was.Mode, now.Mode)
	add("owner", owner(was), owner(now))
	if was.LinkTarget != nil && now.LinkTarget != nil {
		add("target", *was.LinkTarget, *now.LinkTarget)
	}
	return strings.Join(all, ", ")
}

// sumOf is the last line.
func sumOf(d dataplane.Difference) string {
	var parts []string
	for _, k := range []struct {
		word string
		dataplane.Counts
	}{{index.Added, d.Added}, {index.Removed, d.Removed}, {index.Changed, d.Changed}, {index.Meta, d.Meta}} {
		parts = append(parts, fmt.Sprintf("%d %s (%s)", k.Files, k.word, size(k.Bytes)))
	}
	return strings.Join(parts, ", ")
}
