package cli

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/policy"
	"planb/internal/settings"
)

// withPolicyFlags adds the flags that set policy to those of a command.
func withPolicyFlags(flags ...ucli.Flag) []ucli.Flag {
	for _, f := range settings.All() {
		switch f.Kind {
		case settings.Single:
			flags = append(flags, &ucli.StringFlag{Name: f.Flag, Usage: f.Usage})
		case settings.YesNo:
			flags = append(flags, &ucli.BoolFlag{Name: f.Flag, Usage: f.Usage + "; --" + f.Flag + "=false for not"})
		case settings.List:
			flags = append(flags, listFlag(f.Flag, f.Usage))
		}
	}
	return flags
}

// setPolicy changes the settings that flags were given for.
func setPolicy(c *ucli.Context, set *policy.Settings) error {
	for _, f := range settings.All() {
		if !c.IsSet(f.Flag) {
			continue
		}
		var values []string
		switch f.Kind {
		case settings.Single:
			values = []string{c.String(f.Flag)}
		case settings.YesNo:
			values = []string{strconv.FormatBool(c.Bool(f.Flag))}
		case settings.List:
			values = listValue(c, f.Flag)
		}
		if err := f.Put(set, values...); err != nil {
			return usagef("--%s: %s", f.Flag, strings.TrimPrefix(err.Error(), f.Name+": "))
		}
	}
	return nil
}

// unsetFlag names what edit shall forget.
func unsetFlag() ucli.Flag {
	return listFlag("unset", "forget the `FIELD`, named as its flag, so that it is inherited again; again for more")
}

// unset forgets the fields named with --unset. Those that are no settings of
// the policy are given to forget, which says whether it knows them.
func unset(c *ucli.Context, set *policy.Settings, forget func(field string) bool) error {
	for _, field := range listValue(c, "unset") {
		f, known := settings.Find(field)
		switch {
		case known && c.IsSet(f.Flag):
			return usagef("--%s sets what --unset %s forgets: give one of them", f.Flag, field)
		case known:
			if err := set.Unset(f.Name); err != nil {
				return err
			}
		case !forget(field):
			return usagef("--unset %s: there is no such field; it is named as the flag that sets it", field)
		}
	}
	return nil
}

// texts collects the values of a flag that may be given several times. Unlike
// urfave's own it never splits one at commas.
type texts []string

func (t *texts) Set(s string) error {
	*t = append(*t, s)
	return nil
}

func (t *texts) String() string { return strings.Join(*t, " ") }

func listFlag(name, usage string) ucli.Flag {
	return &ucli.GenericFlag{Name: name, Usage: usage, Value: &texts{}}
}

func listValue(c *ucli.Context, name string) []string {
	if t, ok := c.Generic(name).(*texts); ok && c.IsSet(name) {
		return *t
	}
	return nil
}

// printPolicy prints each setting in force and where it comes from.
func (a *app) printPolicy(c *ucli.Context, e policy.Effective) error {
	fmt.Fprintln(a.stdout)
	return list(a, c, e.Fields(), "SETTING FROM VALUE", func(f policy.Field) []string {
		name := f.Name
		if s, known := settings.Find(f.Name); known {
			name = s.Flag
		}
		return []string{name, string(f.From), values(f.Values)}
	})
}

// values shows a list so that a person can tell where each entry ends.
func values(list []string) string {
	shown := make([]string, len(list))
	for i, v := range list {
		shown[i] = v
		if len(list) > 1 && strings.ContainsAny(v, " \t") || strings.ContainsFunc(v, unicode.IsControl) {
			shown[i] = strconv.Quote(v)
		}
	}
	return strings.Join(shown, " ")
}
