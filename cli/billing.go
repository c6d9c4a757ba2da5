package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/worker"
	"planb/workflows"
)

func (a *app) billingCommand() *ucli.Command {
	return &ucli.Command{
		Name: "billing", Usage: "bill what hosts use", Subcommands: []*ucli.Command{
			{
				Name: "run", Usage: "take the usage samples of a day, and post them",
				Description: "PlanB does so by itself each day at noon. Done again it takes and posts what is\n" +
					"missing, and nothing twice. The day is of billing.timezone in planb.yaml.",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "date", Usage: "bill `DAY`, as 2026-11-27, instead of today"},
					&ucli.BoolFlag{Name: "json", Usage: "print an object: what was done, and what came of the day"},
				},
				Action: a.billingRun,
			},
			{
				Name: "list", Usage: "list the usage samples of a month, and what was posted of them",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "month", Usage: "list `MONTH`, as 2026-11, instead of this one"},
					&ucli.BoolFlag{Name: "csv", Usage: "print comma-separated values: times in UTC, sizes in bytes"},
					jsonFlag(),
				},
				Action: a.billingList,
			},
		},
	}
}

func (a *app) billingRun(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb billing run takes no arguments: give the day with --date")
	}
	cfg, err := a.config(c)
	if err != nil {
		return err
	}
	zone, err := cfg.Billing.Zone()
	if err != nil {
		return err
	}
	day := billing.DayOf(time.Now(), zone)
	if text := c.String("date"); text != "" {
		if day, err = billing.ParseDay(text); err != nil {
			return usageError(err)
		}
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	_, op, err := a.operator(c)
	if err != nil {
		return err
	}
	run, err := op.StartBilling(ctx, string(day))
	var running *worker.AlreadyRunningError
	if errors.As(err, &running) {
		return refusedf("%w: it ends by itself, and `planb billing list` tells what came of it", err)
	}
	if err != nil {
		return err
	}
	var out workflows.BillingResult
	failed := workflowError(run.Get(ctx, &out))
	if failed != nil {
		// A workflow that fails gives no result: the catalog has it.
		out.Day = string(day)
		var names []string
		for _, p := range cfg.Billing.Posters {
			names = append(names, p.Name)
		}
		if out.BilledDay, err = store.BilledDay(ctx, out.Day, names); err != nil {
			return errors.Join(failed, err)
		}
	}
	if c.Bool("json") {
		err = a.printObject(out)
	} else {
		_, err = fmt.Fprintln(a.stdout, billingTold(out, failed))
	}
	return errors.Join(failed, err)
}

// billingTold says what came of a day.
func billingTold(r workflows.BillingResult, failed error) string {
	parts := []string{fmt.Sprintf("%d samples", r.Samples)}
	if r.Samples == 1 {
		parts[0] = "1 sample"
	}
	for _, p := range []struct {
		n    int
		what string
	}{
		{r.FromCatalog, "from the catalog"},
		{r.Late, "late"},
		{r.Posted, "posted"},
		{r.Existed, "of those there already"},
		{r.Refused, "refused"},
		{r.Pending, "not posted yet"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	text := r.Day + ": " + strings.Join(parts, ", ") + "."
	switch {
	case failed != nil:
	case r.Samples == 0:
		text += " No host has data to bill."
	case r.Taken == 0:
		text += " It was sampled already."
	}
	return text
}

func (a *app) billingList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb billing list takes no arguments: give the month with --month")
	}
	if c.Bool("csv") && c.Bool("json") {
		return usagef("give --csv or --json")
	}
	samples, err := a.usage(c)
	if err != nil {
		return err
	}
	if c.Bool("csv") {
		w := csv.NewWriter(a.stdout)
		return w.WriteAll(samples.CSV())
	}
	return list(a, c, samples, "DAY HOST BILLED USED REFERENCED LOGICAL SNAPSHOTS FILES FROM POSTED", func(u catalog.UsageSample) []string {
		files := ""
		if u.Files != nil {
			files = strconv.FormatInt(*u.Files, 10)
		}
		from := u.Source
		if u.Late {
			from += ", late"
		}
		return []string{
			u.Day, u.Host, map[bool]string{true: "yes", false: "no"}[u.Billed], size(u.UsedBytes), size(u.ReferencedBytes), sizePtr(u.LogicalUsedBytes),
			strconv.Itoa(u.Snapshots), files, from, postsTold(u.Posts),
		}
	})
}

// usage gives the samples of the month that is asked for.
func (a *app) usage(c *ucli.Context) (catalog.UsageSamples, error) {
	server, err := a.remote(c)
	if err != nil {
		return nil, err
	}
	cfg, err := a.config(c)
	if err != nil {
		return nil, err
	}
	month := c.String("month")
	if month == "" {
		zone, err := cfg.Billing.Zone()
		if err != nil {
			return nil, err
		}
		month = time.Now().In(zone).Format("2006-01")
	}
	first, next, err := billing.ParseMonth(month)
	if err != nil {
		return nil, usageError(err)
	}
	if server != nil {
		return server.Usage(c.Context, month)
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, err
	}
	return store.UsageSamples(ctx, catalog.UsageFilter{First: string(first), Next: string(next), Visible: catalog.Everything()})
}

// postsTold says what was posted of a sample.
func postsTold(posts []catalog.UsagePost) string {
	parts := make([]string, len(posts))
	for i, p := range posts {
		parts[i] = p.Poster + " " + p.State
		if p.State != billing.Posted && p.Error != "" {
			parts[i] += fmt.Sprintf(" (%d tries: %s)", p.Attempts, p.Error)
		}
	}
	return strings.Join(parts, "; ")
}
