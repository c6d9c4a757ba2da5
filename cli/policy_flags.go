package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
)

// flagKind is how a setting is given on the command line.
type flagKind int

const (
	oneValue flagKind = iota
	yesOrNo
	manyValues
)

// policyFlag is a flag that sets one setting of a host or group.
type policyFlag struct {
	name, setting string
	kind          flagKind
	usage         string
}

var policyFlags = []policyFlag{
	{"every", "every", oneValue, "`TIME` from one backup to the next: 1d, 12h, 1w"},
	{"window", "window", oneValue, "`HOURS` in which backups may start and run: 22:00-06:00 or \"mon-fri 22:00-06:00; sat,sun 00:00-24:00\""},
	{"tz", "timezone", oneValue, "time `ZONE` of window, schedule and retention: Europe/Amsterdam"},
	{"keep", "keep", oneValue, "snapshots to `KEEP` per hour, day, week, month, year: 16d,4w,12m,2y"},
	{"floor", "floor_count", oneValue, "never remove the newest `COUNT` good snapshots"},
	{"floor-age", "floor_age", oneValue, "never remove snapshots younger than this `TIME`"},
	{"include", "include", manyValues, "`PATH` to back up; again for more; replaces the inherited list"},
	{"exclude", "exclude", manyValues, "rsync `PATTERN` to leave out; again for more; replaces the inherited list"},
	{"flag", "flags", manyValues, "extra `RSYNC-FLAG` of those known to be safe; again for more"},
	{"user", "user", oneValue, "`LOGIN` on the host"},
	{"port", "port", oneValue, "`PORT` of sshd, or of the rsync daemon"},
	{"sudo", "sudo", yesOrNo, "run the remote rsync through sudo"},
	{"ionice", "ionice", yesOrNo, "let the remote rsync read only when the disk is idle"},
	{"ssh-key", "ssh_key", oneValue, "private key, a `FILE` on the storage server"},
	{"jump-host", "jump_host", oneValue, "`[USER@]HOST[:PORT]` on the way"},
	{"password-file", "password_file", oneValue, "password for an rsync daemon, a `FILE` on the storage server; --user is who it is of"},
	{"check-file", "check_file", oneValue, "`PATH` on the host without which no backup starts"},
	{"bandwidth", "bandwidth", oneValue, "`RATE` a second at most: 10M, or by time of day \"10M; 08:00-18:00 2M\""},
	{"stall-after", "stall_after", oneValue, "end a transfer that makes no progress for this `TIME`: 30m"},
	{"tolerate", "tolerate", manyValues, "`PATTERN` of paths whose failure is only a warning; again for more"},
	{"guard-shrink", "guard_shrink", oneValue, "`PERCENT` of files or bytes lost that make a snapshot suspect; 0 is off"},
	{"guard-change", "guard_change", oneValue, "`PERCENT` of files changed that make a snapshot suspect; 0 is off"},
	{"guard-delete", "guard_delete", oneValue, "`PERCENT` of files deleted that make a snapshot suspect; 0 is off"},
	{"nag-every", "nag_every", oneValue, "`TIME` after which a notice about a lasting problem is repeated: 1d; 0 is never"},
	{"catch-up", "catch_up", oneValue, "`TIME` by which a missed start may still happen late: 20h"},
	{"max-wait", "max_wait", oneValue, "`TIME` after the last good snapshot for which a run may be put off before it fails"},
	{"verify-every", "verify_every", oneValue, "`TIME` from one verification of its snapshots to the next: 30d; 0 is never"},
	{"verify-sample", "verify_sample", oneValue, "`FILES` that a verification restores and compares: random=50,largest=5,bytes=2G, or all"},
	{"canary", "canaries", manyValues, "`PATH` of a file that every verification looks for; again for more"},
}

// withPolicyFlags adds the flags that set policy to those of a command.
func withPolicyFlags(flags ...ucli.Flag) []ucli.Flag {
	for _, f := range policyFlags {
		switch f.kind {
		case oneValue:
			flags = append(flags, &ucli.StringFlag{Name: f.name, Usage: f.usage})
		case yesOrNo:
			flags = append(flags, &ucli.BoolFlag{Name: f.name, Usage: f.usage + "; --" + f.name + "=false for not"})
		case manyValues:
			flags = append(flags, listFlag(f.name, f.usage))
		}
	}
	return flags
}

// setPolicy changes the settings that flags were given for.
func setPolicy(c *ucli.Context, set *policy.Settings) error {
	for _, f := range policyFlags {
		if !c.IsSet(f.name) {
			continue
		}
		var values []string
		switch f.kind {
		case oneValue:
			values = []string{c.String(f.name)}
		case yesOrNo:
			values = []string{strconv.FormatBool(c.Bool(f.name))}
		case manyValues:
			values = listValue(c, f.name)
		}
		if err := f.put(set, values); err != nil {
			return usagef("--%s: %s", f.name, strings.TrimPrefix(err.Error(), f.setting+": "))
		}
	}
	return nil
}

// put sets the setting, with the checks that package policy leaves to others.
func (f policyFlag) put(set *policy.Settings, values []string) (err error) {
	switch {
	case f.setting == "flags":
		values, err = rsync.CheckFlags(values)
	case f.setting == "include":
		_, err = rsync.NewFilter(values, nil)
	case f.setting == "exclude":
		_, err = rsync.NewFilter(nil, values)
	case f.setting == "user":
		err = ident.CheckUser(values[0])
	case f.setting == "jump_host" && values[0] != "":
		err = ident.CheckJump(values[0])
	}
	if err != nil {
		return err
	}
	return set.Set(f.setting, values...)
}

// unsetFlag names what edit shall forget.
func unsetFlag() ucli.Flag {
	return listFlag("unset", "forget the `FIELD`, named as its flag, so that it is inherited again; again for more")
}

// unset forgets the fields named with --unset. Those that are no settings of
// the policy are given to forget, which says whether it knows them.
func unset(c *ucli.Context, set *policy.Settings, forget func(field string) bool) error {
	for _, field := range listValue(c, "unset") {
		i := slices.IndexFunc(policyFlags, func(f policyFlag) bool { return f.name == field || f.setting == field })
		switch {
		case i >= 0 && c.IsSet(policyFlags[i].name):
			return usagef("--%s sets what --unset %s forgets: give one of them", policyFlags[i].name, field)
		case i >= 0:
			if err := set.Unset(policyFlags[i].setting); err != nil {
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
		if i := slices.IndexFunc(policyFlags, func(p policyFlag) bool { return p.setting == f.Name }); i >= 0 {
			name = policyFlags[i].name
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
