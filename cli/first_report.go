package cli

import (
	"log/slog"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
)

func (a *app) breportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "breport", Usage: "write or mail the report of each group, as the first PlanB did", ArgsUsage: patternArgs,
		Description: "The same as planb report, with the flags of the first PlanB. A report is of the last month\n" +
			"that is over, or of --month; it has all hosts of the group, disabled ones too.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "output", Value: "text", Usage: "`FORMAT`: text, html or email"},
			&ucli.BoolFlag{Name: "force", Aliases: []string{"again"}, Usage: "with --output email: send it also to those who have it already"},
			&ucli.BoolFlag{Name: "with-disabled", Usage: "taken for the sake of scripts: disabled hosts are always listed"},
			&ucli.StringFlag{Name: "month", Usage: "of this `MONTH`, e.g. 2026-11"},
		},
		Action: a.breport,
	}
}

func (a *app) breport(c *ucli.Context) error {
	p, err := patternsOf(c)
	if err != nil {
		return err
	}
	output := c.String("output")
	narrowed := c.Args().Len() == 2 && c.Args().Get(1) != "*"
	switch {
	case !slices.Contains([]string{"text", "html", "email"}, output):
		return usagef("--output is text, html or email, not %q", output)
	case c.Bool("force") && output != "email":
		return usagef("--force is for --output email")
	case narrowed && output == "email":
		return usagef("a report is mailed with all hosts of the group: leave the pattern of hosts out")
	}
	month, err := monthOf(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	maker, err := newGatherer(a.cfg, store, slog.New(slog.NewTextHandler(a.stderr, nil)))
	if err != nil {
		return err
	}
	if narrowed {
		maker.Only = p.host
	}
	all, err := reportsOf(ctx, c, maker, month)
	if err != nil {
		return err
	}
	hosts, err := p.hosts(ctx, store)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(all, func(of catalog.ReportOf) bool {
		has := slices.ContainsFunc(hosts, func(h catalog.Host) bool { return h.Group == string(of.Group) })
		return !p.group(string(of.Group)) || narrowed && !has
	})
	if output == "email" {
		return a.mailReports(ctx, c, store, chosen)
	}
	return a.printReports(ctx, maker, output, chosen)
}
