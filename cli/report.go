package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/report"
	"planb/internal/report/gather"
)

func (a *app) reportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "report", Usage: "write or mail the monthly report of each group, or the digest of today",
		Description: "Both are mailed by themselves, see reports: in planb.yaml; this shows them, or with\n" +
			"--output mail sends them now: the digest to those whom reports.digest_to names, the\n" +
			"report of a group to the addresses of the group. Who has it already gets it again\n" +
			"with --again only. A month is one of the time zone of the group.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "group", Usage: "only of group `G`"},
			&ucli.StringFlag{Name: "month", Usage: "of this `MONTH`, e.g. 2026-11; else of the last one that is over"},
			&ucli.BoolFlag{Name: "digest", Usage: "how all hosts are doing now, what needs a person first"},
			&ucli.StringFlag{Name: "output", Value: "text", Usage: "`FORMAT`: text, html or mail"},
			&ucli.BoolFlag{Name: "again", Usage: "with --output mail: send it once more"},
		},
		Action: a.writeReport,
		Subcommands: []*ucli.Command{
			{
				Name: "list", Usage: "list the reports that were mailed, to whom, and what is yet to be",
				Description: "The newest first.",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "group", Usage: "only those of group `G`"},
					&ucli.IntFlag{Name: "limit", Usage: "list `N` at most", Value: 50},
					jsonFlag(),
				},
				Action: a.reportList,
			},
		},
	}
}

func (a *app) writeReport(c *ucli.Context) error {
	month, err := monthOf(c)
	if err != nil {
		return err
	}
	output, group := c.String("output"), c.String("group")
	switch {
	case c.Args().Present():
		return usagef("planb report takes no arguments: say --group G")
	case output != "text" && output != "html" && output != "mail":
		return usagef("--output is text, html or mail, not %q", output)
	case c.Bool("again") && output != "mail":
		return usagef("--again is for --output mail")
	case c.Bool("digest") && (group != "" || month != nil):
		return usagef("a digest is of all hosts and of now: leave --group and --month out")
	}
	if group != "" {
		if err := ident.CheckGroup(group); err != nil {
			return usageError(err)
		}
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	maker, err := newGatherer(a.cfg, store, slog.New(slog.NewTextHandler(a.stderr, nil)))
	if err != nil {
		return err
	}
	reports, err := reportsOf(ctx, c, maker, month)
	if err != nil {
		return err
	}
	if output == "mail" {
		return a.mailReports(ctx, c, store, reports)
	}
	return a.printReports(ctx, maker, output, reports)
}

// monthOf gives the month that the flag names, or nil.
func monthOf(c *ucli.Context) (*report.Month, error) {
	text := c.String("month")
	if text == "" {
		return nil, nil
	}
	m, err := report.ParseMonth(text)
	if err != nil {
		return nil, usagef("--month: %w", err)
	}
	return &m, nil
}

// reportsOf gives which reports are meant.
func reportsOf(ctx context.Context, c *ucli.Context, maker gather.Gatherer, month *report.Month) ([]catalog.ReportOf, error) {
	now := time.Now()
	if c.Bool("digest") {
		return []catalog.ReportOf{{Kind: catalog.ReportDigest, Period: now.In(maker.Zone).Format(time.DateOnly)}}, nil
	}
	groups := []string{c.String("group")}
	if groups[0] == "" {
		found, err := maker.Catalog.Groups(ctx)
		if err != nil {
			return nil, err
		}
		groups = nil
		for _, g := range found {
			groups = append(groups, g.Name)
		}
	}
	list := make([]catalog.ReportOf, len(groups))
	for i, group := range groups {
		zone, err := maker.ZoneOf(ctx, group)
		if err != nil {
			return nil, err
		}
		of := report.MonthOf(now.In(zone)).Before()
		if month != nil {
			of = *month
		}
		list[i] = catalog.ReportOf{Kind: catalog.ReportMonthly, Period: of.String(), Group: catalog.Text(group)}
	}
	return list, nil
}

// printReports shows them as they would be mailed now.
func (a *app) printReports(ctx context.Context, maker gather.Gatherer, output string, list []catalog.ReportOf) error {
	for i, of := range list {
		doc, err := maker.Make(ctx, of, time.Now())
		if err != nil {
			return err
		}
		write := doc.Text
		if output == "html" {
			write = doc.HTML
		}
		text, err := write()
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if _, err := fmt.Fprint(a.stdout, text); err != nil {
			return err
		}
	}
	return nil
}
