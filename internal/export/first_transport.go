package export

import (
	"path"
	"slices"
	"strings"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/rsync"
)

// byDefault are flags that PlanB gives rsync by itself, or that the first PlanB
// needed and this one does not.
var byDefault = []string{
	"--archive", "--recursive", "--links", "--perms", "--times", "--group", "--owner", "--devices", "--specials",
	"--hard-links", "--xattrs", "--acls", "--delete", "--delete-excluded", "--stats", "--numeric-ids", "--partial", "--inplace",
	"--block-size", "--verbose", "--no-whole-file", "--secluded-args", "--protect-args",
}

// shortDefaults are those letters of theirs.
const shortDefaults = "arlptgoDHXAvPhsq"

func (f *first) transport(o record, h *catalog.NewHost) {
	of := "host " + h.Host.String()
	address, dir := ident.Address{Host: o.value("host")}, strings.Trim(o.value("src_dir"), "/")
	if kind := o.value("transport"); kind == "1" || kind == "rsync" {
		address.Module, dir, _ = strings.Cut(dir, "/")
		if address.Module == "" {
			f.r.at(o.line, "%s is reached through an rsync daemon, but its src_dir names no module: correct it in the file", of)
		}
	}
	if err := ident.CheckAddress(address.String()); err != nil {
		f.r.at(o.line, "%s: %s", of, err)
	}
	h.Address, h.Module = address.Host, address.Module
	if user := o.value("user"); user != "" && h.Module == "" {
		f.put(o, of, &h.Settings, "user", user)
	}
	for _, s := range [][2]string{{"use_sudo", "sudo"}, {"use_ionice", "ionice"}} {
		if o.fields[s[0]] != nil && h.Module == "" {
			f.put(o, of, &h.Settings, s[1], map[bool]string{true: "yes", false: "no"}[o.yes(s[0])])
		}
	}
	f.paths(o, h, dir)
	f.flags(o, h)
	if p := o.value("rsync_path"); p != "" && path.Base(p) != "rsync" {
		f.note(o.line, "%s: the rsync_path %s was left out: rsync on the host has to be found by its name", of, p)
	}
}

// paths takes includes and excludes, which were words between spaces.
func (f *first) paths(o record, h *catalog.NewHost, dir string) {
	of := "host " + h.Host.String()
	include, exclude := o.words("includes"), o.words("excludes")
	if dir != "" {
		f.note(o.line, "%s: transfers began at /%s; they begin at / now, and what is in the dataset already is pulled again, below %s", of, dir, dir)
		for i, p := range include {
			include[i] = under(dir, p)
		}
		for i, p := range exclude {
			if strings.HasPrefix(p, "/") {
				exclude[i] = "/" + under(dir, p)
			}
		}
	}
	if len(include) > 0 {
		f.put(o, of, &h.Settings, "include", include...)
	}
	if len(exclude) > 0 {
		f.put(o, of, &h.Settings, "exclude", exclude...)
	}
}

// flags takes those that are known to be safe, and tells of the others.
func (f *first) flags(o record, h *catalog.NewHost) {
	of := "host " + h.Host.String()
	var taken []string
	words := strings.Fields(strings.NewReplacer(`"`, "", "'", "").Replace(o.value("flags")))
	for i := 0; i < len(words); i++ {
		flag := words[i]
		name, value, _ := strings.Cut(flag, "=")
		switch {
		case name == "-e" || name == "--rsh":
			var rest []string
			if value != "" {
				rest = append(rest, value)
			}
			// What belongs to ssh goes on to the next long flag of rsync.
			for i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
				i++
				rest = append(rest, words[i])
			}
			f.remoteShell(o, h, rest)
		case name == "--bwlimit":
			f.bandwidth(o, h, value)
		case slices.Contains(byDefault, name):
		case len(flag) > 1 && flag[0] == '-' && flag[1] != '-':
			for _, letter := range flag[1:] {
				if !strings.ContainsRune(shortDefaults, letter) {
					taken = f.flag(o, of, taken, "-"+string(letter))
				}
			}
		default:
			taken = f.flag(o, of, taken, flag)
		}
	}
	if len(taken) > 0 {
		f.put(o, of, &h.Settings, "flags", taken...)
	}
}

func (f *first) flag(o record, of string, taken []string, flag string) []string {
	if _, err := rsync.CheckFlags([]string{flag}); err != nil {
		f.note(o.line, "%s: the flag %s was left out: %s", of, flag, err)
		return taken
	}
	return append(taken, flag)
}

// bandwidth takes rsync's limit, which is in KiB/s without a unit.
func (f *first) bandwidth(o record, h *catalog.NewHost, value string) {
	if value == "" {
		value = "0"
	}
	if strings.Trim(value, "0123456789") == "" && value != "0" {
		value += "K"
	}
	f.put(o, "host "+h.Host.String(), &h.Settings, "bandwidth", value)
}

// remoteShell takes the port, the login and the key of an ssh command.
func (f *first) remoteShell(o record, h *catalog.NewHost, words []string) {
	of := "host " + h.Host.String()
	known := map[string]string{"-p": "port", "-l": "user", "-i": "ssh_key", "-J": "jump_host"}
	for i := 0; i < len(words); i++ {
		if words[i] == "ssh" {
			continue
		}
		setting, value := "", ""
		if len(words[i]) >= 2 {
			setting, value = known[words[i][:2]], words[i][2:]
		}
		if setting != "" && value == "" && i+1 < len(words) {
			i++
			value = words[i]
		}
		if setting == "" {
			f.note(o.line, "%s: %q of its ssh command was left out", of, words[i])
			continue
		}
		f.put(o, of, &h.Settings, setting, value)
	}
}
