package rsync

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

var (
	sizeRE    = regexp.MustCompile(`^[0-9]{1,15}([KMGTP](B|iB)?)?$`)
	secondsRE = regexp.MustCompile(`^[0-9]{1,6}$`)
	charsetRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*,[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
	suffixRE  = regexp.MustCompile(`^[A-Za-z0-9/\[\]-]*$`)
	levelRE   = regexp.MustCompile(`^[0-9]{1,2}$`)
	choiceRE  = regexp.MustCompile(`^(zstd|lz4|zlibx|zlib|none)$`)
	sumRE     = regexp.MustCompile(`^(auto|xxh128|xxh3|xxh64|md5|md4|sha1)$`)
	protoRE   = regexp.MustCompile(`^(2[89]|3[0-2])$`)
)

// allowed are the flags that a host may add, with what their value must look
// like; nil means that they take none.
var allowed = map[string]*regexp.Regexp{
	"--acls":             nil,
	"--checksum":         nil,
	"--checksum-choice":  sumRE,
	"--compress":         nil,
	"--compress-choice":  choiceRE,
	"--compress-level":   levelRE,
	"--contimeout":       secondsRE,
	"--cvs-exclude":      nil,
	"--fuzzy":            nil,
	"--iconv":            charsetRE,
	"--ignore-times":     nil,
	"--max-alloc":        sizeRE,
	"--max-size":         sizeRE,
	"--min-size":         sizeRE,
	"--modify-window":    secondsRE,
	"--no-acls":          nil,
	"--no-devices":       nil,
	"--no-group":         nil,
	"--no-hard-links":    nil,
	"--no-inc-recursive": nil,
	"--no-links":         nil,
	"--no-numeric-ids":   nil,
	"--no-owner":         nil,
	"--no-perms":         nil,
	"--no-specials":      nil,
	"--no-xattrs":        nil,
	"--one-file-system":  nil,
	"--open-noatime":     nil,
	"--protocol":         protoRE,
	"--size-only":        nil,
	"--skip-compress":    suffixRE,
	"--timeout":          secondsRE,
	"--whole-file":       nil,
}

// short are the one-letter names of allowed flags.
var short = map[string]string{
	"-C": "--cvs-exclude", "-I": "--ignore-times", "-W": "--whole-file",
	"-c": "--checksum", "-x": "--one-file-system", "-y": "--fuzzy", "-z": "--compress",
}

// refused says of flags that people may ask for why they cannot have them.
var refused = map[string]string{
	"--backup":              "the snapshots keep earlier versions",
	"--backup-dir":          "it writes outside the host's dataset, and the snapshots keep earlier versions",
	"--bwlimit":             "the bandwidth is a setting of its own",
	"--chmod":               "it stores false modes",
	"--chown":               "it stores false owners",
	"--compare-dest":        "it reads outside the host's dataset",
	"--config":              "it names a file on the host",
	"--copy-as":             "PlanB decides who runs rsync",
	"--copy-dest":           "it reads outside the host's dataset",
	"--copy-devices":        "it reads whole devices",
	"--copy-links":          "a link on the host would stand for any file there",
	"--daemon":              "PlanB starts rsync as a client",
	"--delete":              "PlanB always deletes what is gone from the host; the snapshots keep it",
	"--exclude":             "the excludes are a setting of their own",
	"--exclude-from":        "the excludes are a setting of their own",
	"--fake-super":          "PlanB decides by what the dataset can store",
	"--files-from":          "the includes are a setting of their own",
	"--filter":              "the includes and excludes are settings of their own",
	"--include":             "the includes are a setting of their own",
	"--include-from":        "the includes are a setting of their own",
	"--inplace":             "PlanB always writes in place",
	"--link-dest":           "the snapshots keep earlier versions",
	"--log-file":            "it writes a file of the caller's choice; the run has a log of its own",
	"--max-delete":          "the guards are settings of their own",
	"--no-secluded-args":    "PlanB decides how arguments are passed",
	"--no-whole-file":       "PlanB always sends the changed parts of a file",
	"--partial-dir":         "PlanB always writes in place",
	"--password-file":       "the password file is a setting of its own",
	"--remote-option":       "it passes options to the host unchecked",
	"--remove-source-files": "it deletes files of the host",
	"--rsh":                 "it runs a command",
	"--rsync-path":          "it runs a command",
	"--secluded-args":       "PlanB decides how arguments are passed",
	"--ignore-errors":       "it deletes the backup of what the host could not read",
	"--sparse":              "written in place it rewrites blocks that did not change",
	"--super":               "PlanB decides by what the dataset can store",
	"--temp-dir":            "it writes outside the host's dataset",
	"--trust-sender":        "the host's file list is checked",
	"--write-batch":         "it writes a file of the caller's choice",
	"--write-devices":       "it writes to devices",
	"-L":                    "a link on the host would stand for any file there",
	"-M":                    "it passes options to the host unchecked",
	"-S":                    "written in place it rewrites blocks that did not change",
	"-T":                    "it writes outside the host's dataset",
	"-b":                    "the snapshots keep earlier versions",
	"-e":                    "it runs a command",
	"-f":                    "the includes and excludes are settings of their own",
}

// CheckFlags gives extra flags in their long form, each one argument, or one
// sentence about the first that a host may not have.
func CheckFlags(flags []string) ([]string, error) {
	var args []string
	for _, flag := range flags {
		name, value, hasValue := strings.Cut(flag, "=")
		if long, ok := short[name]; ok {
			name = long
		}
		re, ok := allowed[name]
		switch {
		case !ok:
			return nil, refusal(flag, name)
		case re == nil && hasValue:
			return nil, fmt.Errorf("the rsync flag %s takes no value: write just %s", name, name)
		case re != nil && !hasValue:
			return nil, fmt.Errorf("the rsync flag %s needs a value: write it as %s=VALUE", name, name)
		case re != nil && !re.MatchString(value):
			return nil, fmt.Errorf("the rsync flag %s does not take %q: see rsync(1) for its values", name, value)
		}
		if hasValue {
			name += "=" + value
		}
		if !slices.Contains(args, name) {
			args = append(args, name)
		}
	}
	return args, nil
}

// AllowedFlags gives the names of the flags that a host may add, sorted.
func AllowedFlags() []string {
	names := make([]string, 0, len(allowed))
	for name := range allowed {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func refusal(flag, name string) error {
	why, ok := refused[name]
	if !ok && len(flag) > 2 && flag[0] == '-' && flag[1] != '-' {
		// -eCMD and the like.
		why, ok = refused[flag[:2]]
	}
	if ok {
		return fmt.Errorf("the rsync flag %s is not allowed: %s", flag, why)
	}
	return fmt.Errorf("the rsync flag %q is not on the list of allowed ones: choose from %s", flag, strings.Join(AllowedFlags(), " "))
}
