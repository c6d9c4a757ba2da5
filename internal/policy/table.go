package policy

import (
	"slices"
	"strconv"
	"strings"
)

// A setting ties together the field of Settings, the field of Effective, and
// the text form of one setting.
type setting struct {
	name, help string
	set        func(*Settings, []string) error
	unset      func(*Settings)
	merge      func(*Settings, Settings)
	check      func(Settings) error
	resolve    func(*Effective, Settings, Level)
	inForce    func(Effective) ([]string, Level)
}

// table holds all settings in the order in which they are shown. A test keeps
// it complete.
var table = []setting{
	one("every", "time from one backup to the next",
		func(s *Settings) **Interval { return &s.Every }, func(e *Effective) *Value[Interval] { return &e.Every },
		ParseInterval, Interval.String, checkEvery),
	one("window", "when backups may start and run; empty is always",
		func(s *Settings) **Window { return &s.Window }, func(e *Effective) *Value[Window] { return &e.Window },
		ParseWindow, Window.String, anything),
	one("timezone", "time zone of windows, schedules and retention",
		func(s *Settings) **string { return &s.Timezone }, func(e *Effective) *Value[string] { return &e.Timezone },
		asIs, plain, checkZone),
	one("keep", "how many snapshots of each period are kept",
		func(s *Settings) **Retention { return &s.Keep }, func(e *Effective) *Value[Retention] { return &e.Keep },
		ParseRetention, Retention.String, checkKeep),
	one("floor_count", "how many of the newest good snapshots are never removed",
		func(s *Settings) **int { return &s.FloorCount }, func(e *Effective) *Value[int] { return &e.FloorCount },
		parseNumber, strconv.Itoa, between(1, maxKept)),
	one("floor_age", "age below which no snapshot is removed; 0 is none",
		func(s *Settings) **Interval { return &s.FloorAge }, func(e *Effective) *Value[Interval] { return &e.FloorAge },
		ParseInterval, Interval.String, upTo(520*Week)),
	many("include", "paths that are backed up",
		func(s *Settings) **[]string { return &s.Include }, func(e *Effective) *Value[[]string] { return &e.Include }, checkInclude),
	many("exclude", "patterns of what is left out",
		func(s *Settings) **[]string { return &s.Exclude }, func(e *Effective) *Value[[]string] { return &e.Exclude }, checkLine),
	many("flags", "extra options of rsync",
		func(s *Settings) **[]string { return &s.Flags }, func(e *Effective) *Value[[]string] { return &e.Flags }, checkLine),
	one("user", "login on the host",
		func(s *Settings) **string { return &s.User }, func(e *Effective) *Value[string] { return &e.User },
		asIs, plain, checkUser),
	one("port", "port of sshd or of the rsync daemon",
		func(s *Settings) **int { return &s.Port }, func(e *Effective) *Value[int] { return &e.Port },
		parseNumber, strconv.Itoa, between(1, 65535)),
	one("sudo", "remote rsync runs through sudo",
		func(s *Settings) **bool { return &s.Sudo }, func(e *Effective) *Value[bool] { return &e.Sudo },
		parseBool, strconv.FormatBool, anything),
	one("ionice", "remote rsync reads only when the disk is idle",
		func(s *Settings) **bool { return &s.IONice }, func(e *Effective) *Value[bool] { return &e.IONice },
		parseBool, strconv.FormatBool, anything),
	one("ssh_key", "private key on the storage server; empty is its default key",
		func(s *Settings) **string { return &s.SSHKey }, func(e *Effective) *Value[string] { return &e.SSHKey },
		asIs, plain, checkAbsolute),
	one("jump_host", "[USER@]HOST[:PORT] on the way to the host",
		func(s *Settings) **string { return &s.JumpHost }, func(e *Effective) *Value[string] { return &e.JumpHost },
		asIs, plain, checkJump),
	one("password_file", "file on the storage server with the password for an rsync daemon",
		func(s *Settings) **string { return &s.PasswordFile }, func(e *Effective) *Value[string] { return &e.PasswordFile },
		asIs, plain, checkAbsolute),
	one("check_file", "path on the host without which no backup starts",
		func(s *Settings) **string { return &s.CheckFile }, func(e *Effective) *Value[string] { return &e.CheckFile },
		asIs, plain, checkAbsolute),
	one("bandwidth", "limit on the rate of transfers; 0 is none",
		func(s *Settings) **Bandwidth { return &s.Bandwidth }, func(e *Effective) *Value[Bandwidth] { return &e.Bandwidth },
		ParseBandwidth, Bandwidth.String, anything),
	one("stall_after", "how long a transfer may make no progress; 0 is for ever",
		func(s *Settings) **Interval { return &s.StallAfter }, func(e *Effective) *Value[Interval] { return &e.StallAfter },
		ParseInterval, Interval.String, upTo(4*Week)),
	many("tolerate", "patterns of paths whose failure is only a warning",
		func(s *Settings) **[]string { return &s.Tolerate }, func(e *Effective) *Value[[]string] { return &e.Tolerate }, checkLine),
	one("guard_shrink", "percent of files or bytes lost that make a snapshot suspect; 0 is off",
		func(s *Settings) **int { return &s.GuardShrink }, func(e *Effective) *Value[int] { return &e.GuardShrink },
		parsePercent, strconv.Itoa, between(0, 100)),
	one("guard_change", "percent of files changed that make a snapshot suspect; 0 is off",
		func(s *Settings) **int { return &s.GuardChange }, func(e *Effective) *Value[int] { return &e.GuardChange },
		parsePercent, strconv.Itoa, between(0, 100)),
	one("guard_delete", "percent of files deleted that make a snapshot suspect; 0 is off",
		func(s *Settings) **int { return &s.GuardDelete }, func(e *Effective) *Value[int] { return &e.GuardDelete },
		parsePercent, strconv.Itoa, between(0, 100)),
	one("nag_every", "how often a notice about a lasting problem is repeated; 0 is never",
		func(s *Settings) **Interval { return &s.NagEvery }, func(e *Effective) *Value[Interval] { return &e.NagEvery },
		ParseInterval, Interval.String, upTo(52*Week)),
	one("catch_up", "how late a missed start may still happen",
		func(s *Settings) **Interval { return &s.CatchUp }, func(e *Effective) *Value[Interval] { return &e.CatchUp },
		ParseInterval, Interval.String, checkCatchUp),
	one("max_wait", "how long after the last good snapshot a run may be put off before it fails",
		func(s *Settings) **Interval { return &s.MaxWait }, func(e *Effective) *Value[Interval] { return &e.MaxWait },
		ParseInterval, Interval.String, upTo(52*Week)),
	one("verify_every", "time from one verification to the next; 0 is never",
		func(s *Settings) **Interval { return &s.VerifyEvery }, func(e *Effective) *Value[Interval] { return &e.VerifyEvery },
		ParseInterval, Interval.String, checkVerifyEvery),
	one("verify_sample", "which files a verification restores and compares",
		func(s *Settings) **Sample { return &s.VerifySample }, func(e *Effective) *Value[Sample] { return &e.VerifySample },
		ParseSample, Sample.String, checkSample),
	many("canaries", "files that every verification looks for",
		func(s *Settings) **[]string { return &s.Canaries }, func(e *Effective) *Value[[]string] { return &e.Canaries }, checkCanary),
}

// Names gives the names of all settings in the order in which they are shown.
func Names() []string {
	names := make([]string, len(table))
	for i, f := range table {
		names[i] = f.name
	}
	return names
}

func find(name string) (setting, error) {
	for _, f := range table {
		if f.name == name {
			return f, nil
		}
	}
	return setting{}, refuse("%q is not a setting: the settings are %s", name, strings.Join(Names(), ", "))
}

// one describes a setting with a single value.
func one[T any](
	name, help string, in func(*Settings) **T, out func(*Effective) *Value[T],
	parse func(string) (T, error), format func(T) string, check func(T) error,
) setting {
	f := field(name, help, in, out, func(v T) []string { return []string{format(v)} }, check)
	f.set = func(s *Settings, values []string) error {
		if len(values) != 1 {
			return &Error{Setting: name, Reason: "it takes exactly one value"}
		}
		v, err := parse(strings.TrimSpace(values[0]))
		if err == nil {
			err = check(v)
		}
		if err != nil {
			return &Error{Setting: name, Reason: err.Error()}
		}
		*in(s) = &v
		return nil
	}
	return f
}

// many describes a setting with a list of values.
func many(
	name, help string, in func(*Settings) **[]string, out func(*Effective) *Value[[]string],
	check func(string) error,
) setting {
	checkAll := func(list []string) error {
		for _, v := range list {
			if err := check(v); err != nil {
				return err
			}
		}
		return nil
	}
	f := field(name, help, in, out, slices.Clone[[]string], checkAll)
	f.set = func(s *Settings, values []string) error {
		if err := checkAll(values); err != nil {
			return &Error{Setting: name, Reason: err.Error()}
		}
		list := append([]string{}, values...)
		*in(s) = &list
		return nil
	}
	return f
}

func field[T any](
	name, help string, in func(*Settings) **T, out func(*Effective) *Value[T],
	format func(T) []string, check func(T) error,
) setting {
	return setting{
		name:  name,
		help:  help,
		unset: func(s *Settings) { *in(s) = nil },
		merge: func(s *Settings, changes Settings) {
			if v := *in(&changes); v != nil {
				*in(s) = v
			}
		},
		check: func(s Settings) error {
			if v := *in(&s); v != nil {
				if err := check(*v); err != nil {
					return &Error{Setting: name, Reason: err.Error()}
				}
			}
			return nil
		},
		resolve: func(e *Effective, s Settings, from Level) {
			if v := *in(&s); v != nil {
				*out(e) = Value[T]{Value: *v, From: from}
			}
		},
		inForce: func(e Effective) ([]string, Level) {
			v := out(&e)
			return format(v.Value), v.From
		},
	}
}
