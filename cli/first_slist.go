package cli

import (
	"cmp"
	"fmt"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"planb/worker/operate"
)

// noGroup heads the datasets that no host has.
const noGroup = "(nogroup)"

func (a *app) slistCommand() *ucli.Command {
	return &ucli.Command{
		Name: "slist", Usage: "list the datasets of all storages by group, or those that no host has",
		Description: "Asks every storage server. Each line has the dataset, what it takes, and the id of its host.\n" +
			"Those of removed hosts go by themselves after the grace time: planb storage list --stale has when.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "stale", Usage: "list only those that no host has"},
			&ucli.StringSliceFlag{Name: "exclude", Aliases: []string{"x"}, Usage: "leave out what matches `PATTERN`; again for more"},
		},
		Action: a.slist,
	}
}

func (a *app) slist(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb slist takes no arguments: --exclude leaves datasets out")
	}
	var leave []func(string) bool
	for _, pattern := range c.StringSlice("exclude") {
		match, err := glob(pattern)
		if err != nil {
			return err
		}
		leave = append(leave, match)
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	found, silent := o.Owned(ctx)
	a.printDatasets(slices.DeleteFunc(found, func(d operate.OwnedDataset) bool {
		return c.Bool("stale") && d.Host.ID != "" ||
			slices.ContainsFunc(leave, func(match func(string) bool) bool { return match(d.Dataset) })
	}))
	return silent
}

func (a *app) printDatasets(list []operate.OwnedDataset) {
	slices.SortFunc(list, func(x, y operate.OwnedDataset) int {
		return cmp.Or(cmp.Compare(x.Host.Group, y.Host.Group), cmp.Compare(x.Dataset, y.Dataset))
	})
	last := ""
	for _, d := range list {
		group, id := cmp.Or(d.Host.Group, noGroup), cmp.Or(d.Host.ID, "NONE")
		if group != last {
			if last != "" {
				fmt.Fprintln(a.stdout)
			}
			last = group
			fmt.Fprintln(a.stdout, "; "+group)
		}
		fmt.Fprintf(a.stdout, "%-54s  %8s  id=%s\n", d.Dataset, size(d.UsedBytes), id)
	}
	if last != "" {
		fmt.Fprint(a.stdout, "\n\n")
	}
}
