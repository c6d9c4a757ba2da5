package cli

import (
	"encoding/json"
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/zabbix"
)

// blistCommand lists hosts as the first PlanB did, and for Zabbix.
func (a *app) blistCommand() *ucli.Command {
	return &ucli.Command{
		Name: "blist", Usage: "list enabled hosts by group, or for Zabbix",
		Description: "Without a flag: the groups, and below each its hosts with their addresses.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "zabbix", Usage: "print what a discovery rule of Zabbix reads"},
			&ucli.StringFlag{Name: "latest", Usage: "print when the last good snapshot of the host with this `ID` was made, in seconds since 1970; 0 for never"},
			&ucli.BoolFlag{Name: "summary", Usage: "count hosts by health"},
			&ucli.StringFlag{Name: "from", Usage: "with --zabbix and --latest: read `FILE`, which planb control keeps fresh (metrics.zabbix_file), instead of the catalog"},
			&ucli.BoolFlag{Name: "json", Usage: "with --summary: print an object"},
		},
		Action: func(c *ucli.Context) error {
			modes := 0
			for _, name := range []string{"zabbix", "latest", "summary"} {
				if c.IsSet(name) {
					modes++
				}
			}
			switch {
			case c.Args().Present():
				return usagef("planb blist takes no argument: see planb blist --help")
			case modes > 1:
				return usagef("choose one of --zabbix, --latest and --summary")
			case c.IsSet("from") && !c.IsSet("zabbix") && !c.IsSet("latest"):
				return usagef("--from goes with --zabbix or --latest")
			case c.IsSet("json") && !c.Bool("summary"):
				return usagef("--json goes with --summary; see also planb host list --json")
			case c.Bool("zabbix"), c.IsSet("latest"):
				return a.blistZabbix(c)
			case c.Bool("summary"):
				return a.blistSummary(c)
			}
			return a.blistGroups(c)
		},
	}
}

func (a *app) measures(c *ucli.Context, now time.Time) ([]catalog.HostMeasure, error) {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, err
	}
	hosts, _, err := store.Measures(ctx, catalog.Everything(), now)
	return hosts, err
}

func (a *app) blistZabbix(c *ucli.Context) error {
	now := time.Now()
	var doc zabbix.Document
	var err error
	if c.IsSet("from") {
		doc, err = zabbix.Read(c.String("from"), now)
	} else {
		var hosts []catalog.HostMeasure
		hosts, err = a.measures(c, now)
		doc = zabbix.Of(hosts, now)
	}
	if err != nil {
		return err
	}
	if c.IsSet("latest") {
		row, ok := doc.Find(c.String("latest"))
		if !ok {
			return &catalog.NotFoundError{Kind: "host", Name: "with id " + c.String("latest"), Hint: "it is disabled or was removed; see `planb blist --zabbix`"}
		}
		fmt.Fprintln(a.stdout, row.Latest)
		return nil
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, string(text))
	return nil
}

// hostCounts are hosts by health.
type hostCounts struct {
	Hosts   int `json:"hosts"`
	OK      int `json:"ok"`
	Late    int `json:"late"`
	Failing int `json:"failing"`
	Never   int `json:"never"`
	Paused  int `json:"paused"`
}

func (a *app) blistSummary(c *ucli.Context) error {
	hosts, err := a.measures(c, time.Now())
	if err != nil {
		return err
	}
	n := hostCounts{Hosts: len(hosts)}
	for _, h := range hosts {
		switch h.Health {
		case policy.HealthOK:
			n.OK++
		case policy.HealthLate:
			n.Late++
		case policy.HealthFailing:
			n.Failing++
		case policy.HealthNever:
			n.Never++
		case policy.HealthPaused:
			n.Paused++
		}
	}
	if c.Bool("json") {
		return a.printObject(n)
	}
	fmt.Fprintf(a.stdout, "%d hosts: %d ok, %d late, %d failing, %d never, %d paused\n", n.Hosts, n.OK, n.Late, n.Failing, n.Never, n.Paused)
	return nil
}

// blistGroups prints what scripts around the first PlanB read: a head for each
// group, the names of its enabled hosts padded to thirty, their addresses.
func (a *app) blistGroups(c *ucli.Context) error {
	hosts, err := a.measures(c, time.Now())
	if err != nil {
		return err
	}
	group := ""
	for _, h := range hosts {
		if h.Health == policy.HealthPaused {
			continue
		}
		if h.Group != group {
			if group != "" {
				fmt.Fprintln(a.stdout)
			}
			group = h.Group
			fmt.Fprintf(a.stdout, "[%s]\n", group)
		}
		fmt.Fprintf(a.stdout, "%-30s  %s\n", h.Name, h.Address)
	}
	fmt.Fprintln(a.stdout)
	return nil
}
