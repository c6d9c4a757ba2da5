package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/api/client"
)

func (a *app) policyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "policy", Usage: "manage the settings that all groups and hosts inherit", Subcommands: []*ucli.Command{
			{
				Name: "show", Usage: "show the settings in force where neither group nor host has its own",
				Flags: []ucli.Flag{jsonFlag()}, Action: a.policyShow,
			},
			{
				Name: "edit", Usage: "change them", Action: a.policyEdit,
				Description: "Changes only what is given. Groups and hosts that have their own keep it.",
				Flags:       withPolicyFlags(unsetFlag()),
			},
		},
	}
}

func (a *app) policyShow(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb policy show takes no arguments: for one host see planb host show")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	effective, err := store.SystemEffective(ctx)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printObject(effective)
	}
	return a.printPolicy(c, effective)
}

func (a *app) policyEdit(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb policy edit takes no arguments: for one host see planb host edit")
	}
	change := func(s *policy.Settings) error {
		if err := unset(c, s, func(string) bool { return false }); err != nil {
			return err
		}
		return setPolicy(c, s)
	}
	if err := change(&policy.Settings{}); err != nil { // before anything is opened
		return err
	}
	if c.NumFlags() == 0 {
		return usagef("nothing to change: give a flag, see planb policy edit --help")
	}
	const changed = "Changed the policy of the system."
	if named, err := a.through(c, func(s *client.Client) error { return s.EditPolicy(c.Context, remoteSettings(c)) }); named {
		return a.said(err, changed)
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if err := store.EditSettings(ctx, catalog.OfSystem(), change); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, changed)
	hosts, err := store.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		return err
	}
	names := make([]ident.Host, len(hosts))
	for i, h := range hosts {
		names[i] = h.Ident()
	}
	return a.syncSchedules(c, names...)
}
