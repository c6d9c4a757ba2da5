package cli

import (
	"fmt"
	"io"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/dataplane"
	"planb/internal/ident"
)

func (a *app) historyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "history", Usage: "list the versions of a file in all snapshots", ArgsUsage: "HOST PATH",
		Description: "The newest first, each with the snapshots that hold it, from the oldest to the newest of\n" +
			"them; between the two may lie some that do not. Versions that differ in nothing are one.\n" +
			"Of a directory these are its owner, mode and time, which changes when a name in it comes\n" +
			"or goes. --json names all snapshots.\n\n" +
			"Exit status: 0 done, 1 failed or not all snapshots are indexed yet, 2 usage, 3 no\n" +
			"snapshot has the path.",
		Flags: []ucli.Flag{jsonFlag()}, Action: a.history,
	}
}

func (a *app) history(c *ucli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("say of which file: planb history HOST PATH")
	}
	host, err := ident.ParseHost(c.Args().First())
	if err != nil {
		return usageError(err)
	}
	ctx, files, err := a.filesOf(c, host)
	if err != nil {
		return err
	}
	var all []dataplane.PathVersion
	at := dataplane.At{Dataset: files.host.Dataset, Path: c.Args().Get(1)}
	answer, err := files.History(ctx, at, func(v dataplane.PathVersion) error { all = append(all, v); return nil })
	if err != nil {
		return dataError(err)
	}
	head := fmt.Sprintf("%-10s  %-11s  %10s  %-21s  %9s  %s", "MODE", "OWNER", "SIZE", "MODIFIED", "SNAPSHOTS", "FROM - TO")
	p := newPrinter(a, c, head, func(w io.Writer, v dataplane.PathVersion) error {
		held := nameOf(v.Snapshots[0])
		if n := len(v.Snapshots); n > 1 {
			held += " - " + nameOf(v.Snapshots[n-1])
		}
		if v.LinkTarget != nil {
			held += "  -> " + *v.LinkTarget
		}
		_, err := fmt.Fprintf(w, "%s  %-11s  %10s  %-21s  %9d  %s\n",
			v.Permissions(), owner(v.FileVersion), extent(&v.FileVersion), when(&v.MTime), len(v.Snapshots), held)
		return err
	})
	for v := range slices.Values(all) {
		if err := p.print(v); err != nil {
			return err
		}
	}
	if err := p.end(nil); err != nil {
		return err
	}
	return notWhole(answer, limit{})
}
