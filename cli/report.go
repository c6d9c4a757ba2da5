package cli

import (
	"fmt"
	"math"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/report"
)

func (a *app) reportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "report", Usage: "write the monthly report of each group, or the digest of today",
		Description: "Prints it; nothing is mailed. A month is one of the time zone of the group.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "group", Usage: "only of group `G`"},
			&ucli.StringFlag{Name: "month", Usage: "of this `MONTH`, e.g. 2026-11; else of the last one that is over"},
			&ucli.BoolFlag{Name: "digest", Usage: "how all hosts are doing now, what needs a person first; times in UTC"},
			&ucli.StringFlag{Name: "output", Value: "text", Usage: "`FORMAT`: text or html"},
		},
		Action: a.writeReport,
	}
}

func (a *app) writeReport(c *ucli.Context) error {
	switch output := c.String("output"); {
	case c.Args().Present():
		return usagef("planb report takes no arguments: say --group G")
	case output != "text" && output != "html":
		return usagef("--output is text or html, not %q", output)
	case c.Bool("digest") && (c.IsSet("group") || c.IsSet("month")):
		return usagef("a digest is of all hosts and of now: leave --group and --month out")
	case c.Bool("digest"):
		return a.reportDigest(c)
	}
	return a.reportMonth(c)
}

func (a *app) reportMonth(c *ucli.Context) error {
	var month *report.Month
	if text := c.String("month"); text != "" {
		m, err := report.ParseMonth(text)
		if err != nil {
			return usagef("--month: %w", err)
		}
		month = &m
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	groups := []string{c.String("group")}
	if groups[0] == "" {
		groups = nil
		found, err := store.Groups(ctx)
		if err != nil {
			return err
		}
		for _, g := range found {
			groups = append(groups, g.Name)
		}
	} else if err := ident.CheckGroup(groups[0]); err != nil {
		return usageError(err)
	}
	now := time.Now()
	for i, group := range groups {
		effective, err := store.GroupEffective(ctx, group)
		if err != nil {
			return err
		}
		zone, err := time.LoadLocation(effective.Timezone.Value)
		if err != nil {
			return fmt.Errorf("the time zone of group %s: %w", group, err)
		}
		in := report.MonthlyInput{Group: group, Month: report.MonthOf(now.In(zone)).Before(), Now: now, Zone: zone, URL: a.cfg.Web.URL}
		if month != nil {
			in.Month = *month
		}
		from, until := in.Month.Span(zone)
		if in.Hosts, err = store.Month(ctx, group, from, until); err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := a.printReport(c, report.NewMonthly(in)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) reportDigest(c *ucli.Context) error {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	now := time.Now()
	in := report.DigestInput{
		Day: now.UTC().Format(time.DateOnly), Now: now, Zone: time.UTC, URL: a.cfg.Web.URL,
		SilentAfter: 3 * registerEvery, FreeWarn: a.cfg.Limits.FreeWarn,
	}
	hosts, err := store.HostPage(ctx, catalog.HostQuery{Visible: catalog.Everything(), Now: now, Limit: math.MaxInt32})
	if err != nil {
		return err
	}
	in.Hosts = hosts.Hosts
	attention, err := store.Attention(ctx, catalog.Everything(), now, 1)
	if err != nil {
		return err
	}
	in.Ended = attention.Since
	if in.Storages, err = store.StorageRooms(ctx, catalog.Everything(), now); err != nil {
		return err
	}
	if in.Notices, err = store.FleetConditions(ctx, catalog.Everything()); err != nil {
		return err
	}
	return a.printReport(c, report.NewDigest(in))
}

func (a *app) printReport(c *ucli.Context, doc report.Doc) error {
	write := doc.Text
	if c.String("output") == "html" {
		write = doc.HTML
	}
	text, err := write()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.stdout, text)
	return err
}
