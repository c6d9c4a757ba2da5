package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/policy"
)

func (a *app) confexportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "confexport", Usage: "print what is backed up of each host, as the first PlanB did", ArgsUsage: patternArgs,
		Description: "Of each enabled host retention, schedule, paths and notes, as they are in force: for people and\n" +
			"scripts to read. What makes a catalog anew is planb export.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "minimal", Usage: "leave retention and schedule out"},
			&ucli.BoolFlag{Name: "yaml", Usage: "print YAML documents instead of JSON"},
			&ucli.BoolFlag{Name: "with-disabled", Usage: "disabled hosts too"},
		},
		Action: a.confexport,
	}
}

// hostConf is one host, with the keys of the first PlanB in its order.
type hostConf struct {
	Retention *retentionConf `json:"retention,omitempty" yaml:"retention,omitempty"`
	Schedule  string         `json:"schedule,omitempty" yaml:"schedule,omitempty"`
	Paths     pathsConf      `json:"paths" yaml:"paths"`
	Notes     string         `json:"notes" yaml:"notes"`
}

type retentionConf struct {
	Hourly  int `json:"hourly,omitempty" yaml:"hourly,omitempty"`
	Daily   int `json:"daily" yaml:"daily"`
	Weekly  int `json:"weekly" yaml:"weekly"`
	Monthly int `json:"monthly" yaml:"monthly"`
	Yearly  int `json:"yearly" yaml:"yearly"`
}

type pathsConf struct {
	Root    string   `json:"root" yaml:"root"`
	Include []string `json:"include" yaml:"include"`
	Exclude []string `json:"exclude" yaml:"exclude"`
}

func (a *app) confexport(c *ucli.Context) error {
	p, err := patternsOf(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	all, err := store.HostPolicies(ctx, catalog.HostFilter{})
	if err != nil {
		return err
	}
	for _, h := range all {
		if !p.group(h.Host.Group) || !p.host(h.Host.Name) || !h.Host.Enabled && !c.Bool("with-disabled") {
			continue
		}
		conf := confOf(h)
		if c.Bool("minimal") {
			conf.Retention, conf.Schedule = nil, ""
		}
		name := h.Host.Group + "-" + h.Host.Name
		if err := a.printConf(name, conf, c.Bool("yaml")); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printConf(name string, conf hostConf, asYAML bool) error {
	if asYAML {
		text, err := yaml.MarshalWithOptions(conf, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
		fmt.Fprintf(a.stdout, "---\n# %s\n\n%s\n\n", name, text)
		return err
	}
	text, err := json.MarshalIndent(conf, "", "  ")
	fmt.Fprintf(a.stdout, "/* %s */\n\n%s\n\n", name, text)
	return err
}

func confOf(h catalog.HostPolicy) hostConf {
	keep, every, window := h.Policy.Keep.Value, h.Policy.Every.Value, h.Policy.Window.Value
	schedule := "nightly"
	if every != policy.Day || window.String() != "" {
		schedule = strings.TrimSpace("every " + every.String() + " " + window.String())
	}
	return hostConf{
		Retention: &retentionConf{keep.Hourly, keep.Daily, keep.Weekly, keep.Monthly, keep.Yearly},
		Schedule:  schedule,
		Paths:     pathsConf{Root: "/", Include: listed(h.Policy.Include.Value), Exclude: listed(h.Policy.Exclude.Value)},
		Notes:     h.Host.Notes,
	}
}

// listed makes an empty list of nil, which would be printed as null.
func listed(list []string) []string { return append([]string{}, list...) }
