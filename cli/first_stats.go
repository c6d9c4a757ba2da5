package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// longOutage is from when on bstats tells of a time without good backups.
const longOutage = 48 * time.Hour

func (a *app) bstatsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "bstats", Usage: "list the hosts whose backups failed for long in the past year", ArgsUsage: patternArgs,
		Description: "By group, each time of 48 hours or more from the first backup that failed or was partial to\n" +
			"the next good one, or to now.",
		Action: a.bstats,
	}
}

// outage is a time in which no backup of a host was good.
type outage struct {
	first, last time.Time
	attempts    int
	lasts       bool
}

func (a *app) bstats(c *ucli.Context) error {
	p, err := patternsOf(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	hosts, err := p.hosts(ctx, store)
	if err != nil {
		return err
	}
	slices.SortStableFunc(hosts, func(x, y catalog.Host) int {
		if x.Group == y.Group && x.Enabled != y.Enabled && x.Enabled {
			return -1
		}
		if x.Group == y.Group && x.Enabled != y.Enabled {
			return 1
		}
		return 0
	})
	group := ""
	for _, h := range hosts {
		found, err := longOutages(ctx, store, h, time.Now())
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		if h.Group != group {
			if group != "" {
				fmt.Fprintln(a.stdout)
			}
			group = h.Group
			fmt.Fprintln(a.stdout, group, ":: Backups failed longer than 48h in the past year:")
		}
		fmt.Fprintln(a.stdout, " ", h.Name)
		for _, o := range found {
			note := ""
			if o.lasts {
				note = ", still failing"
			}
			fmt.Fprintf(a.stdout, "  - %s - failed for %.1f hours (%d failed attempts)%s\n",
				o.first.Local().Format("2006-01-02 15:04"), o.last.Sub(o.first).Hours(), o.attempts, note)
		}
	}
	if group != "" {
		fmt.Fprintln(a.stdout)
	}
	return nil
}

// longOutages gives the long ones of the year before now, the first first.
func longOutages(ctx context.Context, store *catalog.Store, h catalog.Host, now time.Time) ([]outage, error) {
	runs, err := store.Runs(ctx, catalog.RunFilter{Host: h.Ident(), Kind: catalog.KindBackup, Since: now.AddDate(-1, 0, -1), Limit: -1})
	if err != nil {
		return nil, err
	}
	var out []outage
	var open *outage
	for _, r := range slices.Backward(runs) {
		switch {
		case r.State == policy.StateFailed || r.State == policy.StatePartial:
			if open == nil {
				open = &outage{first: r.Started}
			}
			open.attempts++
		case policy.IsGood(r.State) && open != nil:
			open.last = r.Started
			out, open = append(out, *open), nil
		}
	}
	if open != nil {
		open.last, open.lasts = now, true
		out = append(out, *open)
	}
	return slices.DeleteFunc(out, func(o outage) bool { return o.last.Sub(o.first) < longOutage }), nil
}
