// Package settings says how people give each setting of a policy, on the
// command line and in forms, and checks what package policy leaves to others:
// names, rsync's patterns and its safe options.
package settings

import (
	"errors"
	"slices"
	"strings"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
)

// Kind is how many values a setting takes, and of what sort.
type Kind int

// The kinds.
const (
	Single Kind = iota
	YesNo
	List
)

// Setting is one setting of a policy.
type Setting struct {
	// Name is that of package policy, Flag that of the command line's flag.
	Name, Flag string
	Kind       Kind
	// Usage says what it is; a word between backquotes stands for the value.
	Usage string
}

var all = []Setting{
	{"every", "every", Single, "`TIME` from one backup to the next: 1d, 12h, 1w"},
	{"window", "window", Single, "`HOURS` in which backups may start and run: 22:00-06:00 or \"mon-fri 22:00-06:00; sat,sun 00:00-24:00\""},
	{"timezone", "tz", Single, "time `ZONE` of window, schedule and retention: Europe/Amsterdam"},
	{"keep", "keep", Single, "snapshots to `KEEP` per hour, day, week, month, year: 16d,4w,12m,2y"},
	{"floor_count", "floor", Single, "never remove the newest `COUNT` good snapshots"},
	{"floor_age", "floor-age", Single, "never remove snapshots younger than this `TIME`"},
	{"include", "include", List, "`PATH` to back up; again for more; replaces the inherited list"},
	{"exclude", "exclude", List, "rsync `PATTERN` to leave out; again for more; replaces the inherited list"},
	{"flags", "flag", List, "extra `RSYNC-FLAG` of those known to be safe; again for more"},
	{"user", "user", Single, "`LOGIN` on the host"},
	{"port", "port", Single, "`PORT` of sshd, or of the rsync daemon"},
	{"sudo", "sudo", YesNo, "run the remote rsync through sudo"},
	{"ionice", "ionice", YesNo, "let the remote rsync read only when the disk is idle"},
	{"ssh_key", "ssh-key", Single, "private key, a `FILE` on the storage server"},
	{"jump_host", "jump-host", Single, "`[USER@]HOST[:PORT]` on the way"},
	{"password_file", "password-file", Single, "password for an rsync daemon, a `FILE` on the storage server; --user is who it is of"},
	{"check_file", "check-file", Single, "`PATH` on the host without which no backup starts"},
	{"bandwidth", "bandwidth", Single, "`RATE` a second at most: 10M, or by time of day \"10M; 08:00-18:00 2M\""},
	{"stall_after", "stall-after", Single, "end a transfer that makes no progress for this `TIME`: 30m"},
	{"tolerate", "tolerate", List, "`PATTERN` of paths whose failure is only a warning; again for more"},
	{"guard_shrink", "guard-shrink", Single, "`PERCENT` of files or bytes lost that make a snapshot suspect; 0 is off"},
	{"guard_change", "guard-change", Single, "`PERCENT` of files changed that make a snapshot suspect; 0 is off"},
	{"guard_delete", "guard-delete", Single, "`PERCENT` of files deleted that make a snapshot suspect; 0 is off"},
	{"nag_every", "nag-every", Single, "`TIME` after which a notice about a lasting problem is repeated: 1d; 0 is never"},
	{"catch_up", "catch-up", Single, "`TIME` by which a missed start may still happen late: 20h"},
	{"max_wait", "max-wait", Single, "`TIME` after the last good snapshot for which a run may be put off before it fails"},
	{"verify_every", "verify-every", Single, "`TIME` from one verification of its snapshots to the next: 30d; 0 is never"},
	{"verify_sample", "verify-sample", Single, "`FILES` that a verification restores and compares: random=50,largest=5,bytes=2G, or all"},
	{"canaries", "canary", List, "`PATH` of a file that every verification looks for; again for more"},
}

// All gives the settings in the order in which people are asked for them.
func All() []Setting { return slices.Clone(all) }

// Find gives the setting of this name, which may also be that of its flag.
func Find(name string) (Setting, bool) {
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name || s.Flag == name })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

// Put sets s among set from text: a list takes any number of values, all others
// take one. Its errors are *policy.Error, one sentence without the name.
func (s Setting) Put(set *policy.Settings, values ...string) error {
	values, err := s.check(values)
	if err == nil {
		err = set.Set(s.Name, values...)
	}
	var known *policy.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return &policy.Error{Setting: s.Name, Reason: strings.TrimPrefix(known.Reason, s.Name+": ")}
	}
	return &policy.Error{Setting: s.Name, Reason: err.Error()}
}

// check does what package policy leaves to others.
func (s Setting) check(values []string) (_ []string, err error) {
	switch {
	case s.Name == "flags":
		values, err = rsync.CheckFlags(values)
	case s.Name == "include":
		_, err = rsync.NewFilter(values, nil)
	case s.Name == "exclude":
		_, err = rsync.NewFilter(nil, values)
	case s.Name == "user" && len(values) == 1:
		err = ident.CheckUser(values[0])
	case s.Name == "jump_host" && len(values) == 1 && values[0] != "":
		err = ident.CheckJump(values[0])
	}
	return values, err
}
