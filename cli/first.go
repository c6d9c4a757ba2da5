package cli

import (
	"context"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// firstCommands are what users of the first PlanB know by these names. Each
// prints what scripts around that one read; docs/first-planb.md has what is new.
func (a *app) firstCommands() []*ucli.Command {
	return []*ucli.Command{
		a.blistCommand(), a.breportCommand(), a.bstatsCommand(), a.bqueueallCommand(), a.bqueueflushCommand(),
		a.bcloneCommand(), a.slistCommand(), a.confexportCommand(),
	}
}

// patterns is what the commands of the first PlanB narrow groups and hosts with.
type patterns struct{ group, host func(string) bool }

const patternArgs = "[GROUPS [HOSTS]]"

// patternsOf reads the two arguments that patternArgs names.
func patternsOf(c *ucli.Context) (p patterns, err error) {
	if c.Args().Len() > 2 {
		return p, usagef("planb %s takes at most two patterns, of groups and of hosts", c.Command.Name)
	}
	of := [2]string{"*", "*"}
	copy(of[:], c.Args().Slice())
	if p.group, err = glob(of[0]); err == nil {
		p.host, err = glob(of[1])
	}
	return p, err
}

// hosts gives those that match, by group and name.
func (p patterns) hosts(ctx context.Context, store *catalog.Store) ([]catalog.Host, error) {
	all, err := store.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		return nil, err
	}
	var out []catalog.Host
	for _, h := range all {
		if p.group(h.Group) && p.host(h.Name) {
			out = append(out, h)
		}
	}
	return out, nil
}

// oldHost finds a host by what the first PlanB named it with: its id, as
// `planb blist --zabbix` and `planb slist` tell it, or its name alone where one
// group only has it; or as everywhere else, as group/name.
func oldHost(ctx context.Context, store *catalog.Store, text string) (catalog.Host, error) {
	if host, err := ident.ParseHost(text); err == nil {
		return store.Host(ctx, host)
	}
	all, err := store.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		return catalog.Host{}, err
	}
	var found []catalog.Host
	for _, h := range all {
		if h.ID == text {
			return h, nil
		}
		if h.Name == text {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return catalog.Host{}, &catalog.NotFoundError{Kind: "host", Name: text, Hint: "see `planb host list`; ids are in `planb slist`"}
	}
	return catalog.Host{}, usagef("there are several hosts called %s: name it as %s", text, found[0].Ident())
}
