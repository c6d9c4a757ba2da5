package cli

import (
	"context"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/api"
	"planb/web/api/client"
)

func (a *app) groupCommand() *ucli.Command {
	return &ucli.Command{
		Name: "group", Usage: "manage groups, the customers or teams that own hosts", Subcommands: []*ucli.Command{
			{
				Name: "add", Usage: "add a group", ArgsUsage: "GROUP", Action: a.groupAdd,
				Description: "The settings hold for all hosts of the group that do not have their own.",
				Flags:       withPolicyFlags(groupFlags()...),
			},
			{Name: "list", Usage: "list the groups", Flags: []ucli.Flag{jsonFlag()}, Action: a.groupList},
			{
				Name: "show", Usage: "show a group and the settings that its hosts inherit", ArgsUsage: "GROUP",
				Flags: []ucli.Flag{jsonFlag()}, Action: a.groupShow,
			},
			{
				Name: "edit", Usage: "change a group", ArgsUsage: "GROUP", Action: a.groupEdit,
				Description: "Changes only what is given. The settings hold for all hosts of the group that do\n" +
					"not have their own.",
				Flags: withPolicyFlags(append(groupFlags(), unsetFlag())...),
			},
			{
				Name: "rename", Usage: "give a group another name", ArgsUsage: "GROUP NEW-NAME", Action: a.groupRename,
				Description: "The datasets of its hosts stay where they are, also when such a host is renamed\n" +
					"later. Refused while one of them is backed up, renamed or removed.",
			},
			{
				Name: "rm", Usage: "remove a group that has no hosts", ArgsUsage: "GROUP",
				Flags: []ucli.Flag{yesFlag()}, Action: a.groupRemove,
			},
		},
	}
}

func groupFlags() []ucli.Flag {
	return []ucli.Flag{
		listFlag("email", "mail `ADDRESS` for notices; again for more; replaces those there are"),
		&ucli.StringFlag{Name: "notes", Usage: "a remark for people"},
	}
}

// groupChange reads the flags that change the group itself.
func groupChange(c *ucli.Context) (e catalog.GroupEdit, err error) {
	if c.IsSet("email") {
		emails := listValue(c, "email")
		for _, m := range emails {
			if err := ident.CheckEmail(m); err != nil {
				return e, usagef("--email: %v", err)
			}
		}
		e.Emails = &emails
	}
	if c.IsSet("notes") {
		e.Notes = new(c.String("notes"))
	}
	return e, nil
}

// remoteGroup puts what the flags say as the API takes it. They were checked
// before.
func remoteGroup(c *ucli.Context, e catalog.GroupEdit) api.GroupChange {
	return api.GroupChange{Emails: e.Emails, Notes: e.Notes, SettingsChange: remoteSettings(c)}
}

// groupArg gives the only argument, the name of a group.
func groupArg(c *ucli.Context) (string, error) {
	if c.Args().Len() != 1 {
		return "", usagef("name one group: planb group %s GROUP", c.Command.Name)
	}
	name := c.Args().First()
	if err := ident.CheckGroup(name); err != nil {
		return "", usageError(err)
	}
	return name, nil
}

func (a *app) groupAdd(c *ucli.Context) error {
	name, err := groupArg(c)
	if err != nil {
		return err
	}
	e, err := groupChange(c)
	if err != nil {
		return err
	}
	var set policy.Settings
	if err := setPolicy(c, &set); err != nil {
		return err
	}
	added, err := a.through(c, func(s *client.Client) error { return s.AddGroup(c.Context, name, remoteGroup(c, e)) })
	if !added {
		ctx, store, opened := a.catalog(c)
		if opened != nil {
			return opened
		}
		e.Settings = func(s *policy.Settings) error { *s = set; return nil }
		_, err = store.AddGroup(ctx, name, e)
	}
	return a.said(err, "Added group %s. Next: planb host add %s/NAME --address ADDRESS", name, name)
}

func (a *app) groupList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb group list takes no arguments")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	groups, err := store.Groups(ctx)
	if err != nil {
		return err
	}
	return list(a, c, groups, "GROUP HOSTS EMAILS NOTES", func(g catalog.Group) []string {
		return []string{g.Name, fmt.Sprint(g.Hosts), strings.Join(g.Emails, " "), oneLine(g.Notes)}
	})
}

func (a *app) groupShow(c *ucli.Context) error {
	name, err := groupArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	g, err := store.GroupShown(ctx, name)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printObject(g)
	}
	a.printFacts(g.Name, [][2]string{
		{"hosts", fmt.Sprint(g.Hosts)},
		{"emails", strings.Join(g.Emails, " ")},
		{"notes", oneLine(g.Notes)},
	})
	return a.printPolicy(c, g.Policy)
}

func (a *app) groupEdit(c *ucli.Context) error {
	name, err := groupArg(c)
	if err != nil {
		return err
	}
	e, err := groupChange(c)
	if err != nil {
		return err
	}
	e.Settings = func(s *policy.Settings) error {
		err := unset(c, s, func(field string) bool {
			switch field {
			case "email":
				e.Emails = &[]string{}
			case "notes":
				e.Notes = new("")
			default:
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		return setPolicy(c, s)
	}
	// Once in advance: wrong flags are told before anything is opened, and
	// what --unset forgets of the group itself is known.
	if err := e.Settings(&policy.Settings{}); err != nil {
		return err
	}
	if c.NumFlags() == 0 {
		return usagef("nothing to change: give a flag, see planb group edit --help")
	}
	if named, err := a.through(c, func(s *client.Client) error { return s.EditGroup(c.Context, name, remoteGroup(c, e)) }); named {
		return a.said(err, "Changed group %s.", name)
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if _, err := store.EditGroup(ctx, name, e); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Changed group %s.\n", name)
	hosts, err := hostsOfGroup(ctx, store, name)
	if err != nil {
		return err
	}
	return a.syncSchedules(c, hosts...)
}

func hostsOfGroup(ctx context.Context, store *catalog.Store, group string) ([]ident.Host, error) {
	hosts, err := store.Hosts(ctx, catalog.HostFilter{Group: group})
	if err != nil {
		return nil, err
	}
	names := make([]ident.Host, len(hosts))
	for i, h := range hosts {
		names[i] = h.Ident()
	}
	return names, nil
}

func (a *app) groupRename(c *ucli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("name the group and its new name: planb group rename GROUP NEW-NAME")
	}
	name, to := c.Args().Get(0), c.Args().Get(1)
	for _, n := range []string{name, to} {
		if err := ident.CheckGroup(n); err != nil {
			return usageError(err)
		}
	}
	const renamed = "Renamed group %s to %s. The datasets of its hosts stay where they are."
	if named, err := a.through(c, func(s *client.Client) error { return s.RenameGroup(c.Context, name, to) }); named {
		return a.said(err, renamed, name, to)
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if err := store.RenameGroup(ctx, name, to); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, renamed+"\n", name, to)
	hosts, err := hostsOfGroup(ctx, store, to)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		hosts = append(hosts, ident.Host{Group: name, Name: h.Name})
	}
	return a.syncSchedules(c, hosts...)
}

func (a *app) groupRemove(c *ucli.Context) error {
	name, err := groupArg(c)
	if err != nil {
		return err
	}
	ctx, from, err := a.reads(c)
	if err != nil {
		return err
	}
	if _, err := from.Group(ctx, name); err != nil {
		return err
	}
	if err := a.ask(c, "Remove group "+name+" with its settings?"); err != nil {
		return err
	}
	removed, err := a.through(c, func(s *client.Client) error { return s.RemoveGroup(c.Context, name) })
	if !removed {
		ctx, store, opened := a.catalog(c)
		if opened != nil {
			return opened
		}
		err = store.RemoveGroup(ctx, name)
	}
	return a.said(err, "Removed group %s.", name)
}
