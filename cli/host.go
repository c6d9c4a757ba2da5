package cli

import (
	"fmt"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
)

func (a *app) hostCommand() *ucli.Command {
	return &ucli.Command{
		Name: "host", Usage: "manage hosts, the machines that are backed up", Subcommands: append([]*ucli.Command{
			{
				Name: "add", Usage: "add a host", ArgsUsage: "GROUP/NAME", Action: a.hostAdd,
				Description: "Adds the group as well if it is not there. What is not given is inherited from the\n" +
					"group, then the system.",
				Flags: withPolicyFlags(append(hostFlags(), disabledFlag())...),
			},
			{
				Name: "list", Usage: "list hosts and how they are doing", Action: a.hostList,
				Description: "Health is the age of the last good snapshot measured against the schedule: ok,\n" +
					"late, failing, never, paused.",
				Flags: []ucli.Flag{
					jsonFlag(),
					&ucli.StringFlag{Name: "group", Usage: "only hosts of this group"},
					&ucli.StringFlag{Name: "tag", Usage: "only hosts with this tag"},
				},
			},
			{
				Name: "show", Usage: "show a host, each of its settings and where that comes from", ArgsUsage: "HOST",
				Flags: []ucli.Flag{jsonFlag()}, Action: a.hostShow,
			},
			{
				Name: "edit", Usage: "change a host", ArgsUsage: "HOST", Action: a.hostEdit,
				Description: "Changes only what is given.", Flags: withPolicyFlags(append(hostFlags(), unsetFlag())...),
			},
			{
				Name: "rename", Usage: "give a host another name, or another group", ArgsUsage: "HOST NEW-GROUP/NEW-NAME",
				Description: "Waits until no run works on it. Snapshots, runs and holds stay. Its dataset is renamed\n" +
					"too where it is STORAGE/GROUP/NAME; one that was chosen with --dataset, or whose\n" +
					"group was renamed, keeps its path.",
				Action: a.hostRename,
			},
			{
				Name: "rm", Usage: "remove a host; its data stays for a grace time", ArgsUsage: "HOST",
				Description: "Waits until no run works on it. Its runs stay on record. The dataset with all\n" +
					"snapshots is destroyed after limits.grace (30 days unless planb.yaml says otherwise);\n" +
					"planb storage list --stale lists such data, planb storage keep keeps it for good.\n" +
					"A host added again under the name can go on with it: its first backup says how.",
				Flags: []ucli.Flag{
					&ucli.BoolFlag{Name: "purge", Usage: "destroy the data now; asks twice"}, yesFlag(),
				},
				Action: a.hostRemove,
			},
			{
				Name: "probe", Usage: "look whether a host could be backed up", ArgsUsage: "HOST", Action: a.hostProbe,
				Description: "Connects from the storage server, as a backup would, and changes nothing.\n\n" +
					"Exit status: 0 a backup could start, 1 it could not.",
				Flags: []ucli.Flag{
					&ucli.BoolFlag{Name: "pin", Usage: "pin the host keys of a host that was never met before"}, jsonFlag(),
				},
			},
			{Name: "enable", Usage: "back up hosts again", ArgsUsage: "HOST…", Action: a.hostEnable},
			{
				Name: "disable", Usage: "back up hosts by schedule no longer, for a reason", ArgsUsage: "HOST…", Action: a.hostDisable,
				Flags: []ucli.Flag{reasonFlag()},
			},
			{
				Name: "clone", Usage: "add a host with the settings of another", ArgsUsage: "HOST NEW-HOST",
				Description: "Settings, storage, tags and notes are copied; flags change what is given. Dataset and\n" +
					"host keys are not.",
				Flags: withPolicyFlags(append(hostFlags(), disabledFlag())...), Action: a.hostClone,
			},
		}, a.decideCommands()...),
	}
}

func disabledFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "disabled", Usage: "add it disabled, for this `REASON`"}
}

// hostArg gives the only argument, a host.
func hostArg(c *ucli.Context) (ident.Host, error) {
	if c.Args().Len() != 1 {
		return ident.Host{}, usagef("name one host: planb host %s GROUP/NAME", c.Command.Name)
	}
	h, err := ident.ParseHost(c.Args().First())
	if err != nil {
		return ident.Host{}, usageError(err)
	}
	return h, nil
}

// twoHosts gives the two arguments, both hosts.
func twoHosts(c *ucli.Context) (from, to ident.Host, err error) {
	if c.Args().Len() != 2 {
		return from, to, usagef("name two hosts: planb host %s %s", c.Command.Name, c.Command.ArgsUsage)
	}
	if from, err = ident.ParseHost(c.Args().Get(0)); err != nil {
		return from, to, usageError(err)
	}
	if to, err = ident.ParseHost(c.Args().Get(1)); err != nil {
		return from, to, usageError(err)
	}
	return from, to, nil
}

func (a *app) hostList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb host list takes no arguments: --group and --tag narrow it")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	filter := catalog.HostFilter{Group: c.String("group"), Tag: c.String("tag")}
	if filter.Group != "" {
		if _, err := store.Group(ctx, filter.Group); err != nil {
			return err
		}
	}
	hosts, err := store.Overview(ctx, filter, time.Now())
	if err != nil {
		return err
	}
	return list(a, c, hosts, "HOST ADDRESS HEALTH STATE LAST-GOOD LAST-PROVEN NEXT-RUN USED SNAPSHOTS", func(h catalog.HostOverview) []string {
		return []string{
			h.Host, h.Address, string(h.Health), string(h.State), when(h.LastGood), when(h.LastProven), when(h.NextRun),
			sizePtr(h.UsedBytes), fmt.Sprint(h.Snapshots),
		}
	})
}

// oneLine keeps what people wrote from breaking a table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// printFacts prints a title and what there is to say about it, without the
// facts that are empty.
func (a *app) printFacts(title string, facts [][2]string) {
	fmt.Fprintln(a.stdout, title)
	for _, f := range facts {
		if f[1] != "" {
			fmt.Fprintf(a.stdout, "  %-12s %s\n", f[0], f[1])
		}
	}
}
