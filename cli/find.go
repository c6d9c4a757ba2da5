package cli

import (
	"fmt"
	"io"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/dataplane"
	"planb/internal/ident"
)

func (a *app) findCommand() *ucli.Command {
	return &ucli.Command{
		Name: "find", Usage: "find files in all snapshots by their names", ArgsUsage: "HOST[@SNAP] PATTERN",
		Description: "PATTERN with * ? or [...] has to match the whole name, or the whole path if it holds a /:\n" +
			"'*.conf', '/etc/**/*.conf', 'nginx/*'. ** goes across directories, \\ takes the next\n" +
			"character as it is. Any other PATTERN is looked for anywhere in the name, or in the path\n" +
			"if it holds a /. Quote it, so that the shell leaves it alone.\n\n" +
			"Each path comes once: its newest version, how many there are, how many snapshots have it,\n" +
			"and the newest that does. With @SNAP only paths in that snapshot are looked for.\n\n" +
			"Exit status: 0 done, 1 failed or not all snapshots are indexed yet, 2 usage, 3 nothing\n" +
			"found.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "ignore-case", Aliases: []string{"i"}, Usage: "take capital and small letters as the same"},
			limitFlag(), jsonFlag(),
		},
		Action: a.find,
	}
}

func (a *app) find(c *ucli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("say what to find: planb find HOST[@SNAP] PATTERN")
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return usageError(err)
	}
	limit, err := a.limitOf(c)
	if err != nil {
		return err
	}
	ctx, files, err := a.filesOf(c, target.Host)
	if err != nil {
		return err
	}
	at := dataplane.At{Dataset: files.host.Dataset}
	if target.Snapshot != "" {
		if at.Snap, err = files.choose(ctx, target.Snapshot); err != nil {
			return err
		}
	}
	pattern := c.Args().Get(1)
	head := fmt.Sprintf("%10s  %-21s  %8s  %9s  %-24s  %s", "SIZE", "MODIFIED", "VERSIONS", "SNAPSHOTS", "NEWEST IN", "PATH")
	p := newPrinter(a, c, head, func(w io.Writer, f dataplane.FoundPath) error {
		path := withTarget(f.FileVersion)
		if f.GoneSince != nil {
			path += "  (gone since " + f.GoneSince.Snapshot + ")"
		}
		_, err := fmt.Fprintf(w, "%10s  %-21s  %8d  %9d  %-24s  %s\n",
			extent(&f.FileVersion), when(&f.MTime), f.Versions, f.Snapshots, nameOf(f.Newest), path)
		return err
	})
	answer, err := files.Find(ctx, at, dataplane.FindQuery{Pattern: pattern, IgnoreCase: c.Bool("ignore-case"), Limit: limit.n}, p.print)
	if err := p.end(err); err != nil {
		return err
	}
	if err := notWhole(answer, limit); err != nil || p.some {
		return err
	}
	return notFoundf("no snapshot of %s has anything that matches %q", target.Host, pattern)
}
