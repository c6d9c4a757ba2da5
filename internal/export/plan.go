package export

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// Plan is what makes a catalog agree with a file.
type Plan struct {
	Changes []Change
	// Conflicts are what keeps it from being carried out, one sentence each.
	Conflicts []string
	// Gone are the hosts and EmptyGroups the groups that the file does not have.
	Gone        []ident.Host
	EmptyGroups []string
}

// Change is one change of a plan.
type Change struct {
	// Add says that something is added, not changed.
	Add bool
	// Kind is "policy", "group" or "host"; Name is empty for the policy of the
	// system.
	Kind, Name string
	// What are the settings that change, as "every 1d → 12h"; empty for what is added.
	What  []string
	Hosts []ident.Host

	steps []catalog.Step
}

// String is a line of a plan, as people read it.
func (c Change) String() string {
	sign := "~"
	if c.Add {
		sign = "+"
	}
	text := sign + " " + c.Kind
	if c.Name != "" {
		text += " " + c.Name
	} else {
		text += " of the system"
	}
	if len(c.What) > 0 {
		text += ": " + strings.Join(c.What, "; ")
	}
	return text
}

// Steps gives what carries the plan out.
func (p Plan) Steps() []catalog.Step {
	var steps []catalog.Step
	for _, c := range p.Changes {
		steps = append(steps, c.steps...)
	}
	return steps
}

// Lines gives the plan without removals, a line for each change.
func (p Plan) Lines() []string {
	lines := make([]string, len(p.Changes))
	for i, c := range p.Changes {
		lines[i] = c.String()
	}
	return lines
}

// Agree plans to make the catalog, which is is, agree with the file.
//
// Of a group or a host, what the file does not say is empty or inherited; but
// the storage, the dataset, the host keys and the id of a host stay as they
// are, and so does the policy of the system.
func (f File) Agree(is catalog.Exported) Plan {
	var p Plan
	if f.HasSystem {
		if what := differences(is.System, f.System); len(what) > 0 {
			p.Changes = append(p.Changes, Change{Kind: "policy", What: what, Hosts: names(is.Hosts), steps: []catalog.Step{catalog.SetSystem(f.System)}})
		}
	}
	for _, g := range f.Groups {
		i := slices.IndexFunc(is.Groups, func(o catalog.NewGroup) bool { return o.Name == g.Name })
		if i < 0 {
			p.Changes = append(p.Changes, Change{Add: true, Kind: "group", Name: g.Name, steps: []catalog.Step{catalog.MakeGroup(g)}})
		} else if what := groupDifferences(is.Groups[i], g); len(what) > 0 {
			p.Changes = append(p.Changes, Change{Kind: "group", Name: g.Name, What: what, Hosts: hostsOf(is.Hosts, g.Name), steps: []catalog.Step{catalog.ChangeGroup(g)}})
		}
	}
	for _, h := range f.Hosts {
		f.agreeHost(&p, is, h)
	}
	for _, h := range is.Hosts {
		if f.lines["host "+h.Host.String()] == 0 {
			p.Gone = append(p.Gone, h.Host)
		}
	}
	for _, g := range is.Groups {
		if f.lines["group "+g.Name] == 0 && len(hostsOf(f.Hosts, g.Name)) == 0 {
			p.EmptyGroups = append(p.EmptyGroups, g.Name)
		}
	}
	return p
}

func (f File) agreeHost(p *Plan, is catalog.Exported, h catalog.NewHost) {
	name := h.Host.String()
	i := slices.IndexFunc(is.Hosts, func(o catalog.NewHost) bool { return o.Host == h.Host })
	if i >= 0 {
		if what := hostDifferences(is.Hosts[i], h); len(what) > 0 {
			p.Changes = append(p.Changes, Change{Kind: "host", Name: name, What: what, Hosts: []ident.Host{h.Host}, steps: hostSteps(is.Hosts[i], h)})
		}
		return
	}
	ours := func(o catalog.NewHost) bool { return h.ID != "" && o.ID == h.ID }
	if i := slices.IndexFunc(is.Hosts, ours); i >= 0 {
		other := is.Hosts[i].Host
		p.conflict(f, "host "+name, "host %s has the id of %s, which is there: rename that one first with planb host rename %s %s, or leave the id out", name, other, other, name)
		return
	}
	inFile := func(o catalog.NewHost) bool { return ours(o) && o.Host != h.Host }
	if i := slices.IndexFunc(f.Hosts, inFile); i >= 0 && f.Hosts[i].Host.String() < name {
		p.conflict(f, "host "+name, "host %s has the id of %s, which is in the file too: leave the id of one of them out", name, f.Hosts[i].Host)
		return
	}
	group := func(g catalog.NewGroup) bool { return g.Name == h.Host.Group }
	if !slices.ContainsFunc(f.Groups, group) && !slices.ContainsFunc(is.Groups, group) {
		p.conflict(f, "host "+name, "host %s is of group %s, which is not there: add it under groups", name, h.Host.Group)
		return
	}
	stored := func(st string) bool { return st == h.Storage || strings.HasSuffix(st, ":"+h.Storage) }
	if h.Storage != "" && !slices.ContainsFunc(is.Storages, stored) {
		p.conflict(f, "host "+name, "host %s is kept on storage %s, which is not there: start the worker of that server first, since it registers its storages, or leave storage out", name, h.Storage)
		return
	}
	above := func(st string) bool {
		_, dataset, _ := strings.Cut(st, ":")
		return strings.HasPrefix(h.Dataset, dataset+"/")
	}
	if h.Dataset != "" && h.Storage == "" && !slices.ContainsFunc(is.Storages, above) {
		p.conflict(f, "host "+name, "the dataset %s of host %s is beneath no storage: list %s in planb.yaml of its server and start planb worker there first, since it registers its storages", h.Dataset, name, path.Dir(h.Dataset))
		return
	}
	p.Changes = append(p.Changes, Change{Add: true, Kind: "host", Name: name, Hosts: []ident.Host{h.Host}, steps: []catalog.Step{catalog.MakeHost(h)}})
}

// conflict notes one, with the line that it is about.
func (p *Plan) conflict(f File, about, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if n := f.lines[about]; n > 0 {
		text = fmt.Sprintf("line %d: %s", n, text)
	}
	p.Conflicts = append(p.Conflicts, text)
}

// Import plans to add what the catalog does not have. What it has otherwise than
// the file says is a conflict.
func (f File) Import(is catalog.Exported) Plan {
	p := f.Agree(is)
	p.Gone, p.EmptyGroups = nil, nil
	p.Changes = slices.DeleteFunc(p.Changes, func(c Change) bool {
		if c.Add || c.Kind == "policy" && is.System.IsZero() {
			return false
		}
		about, what := c.Kind+" "+c.Name, c.Kind+" "+c.Name
		if c.Name == "" {
			what = "the policy of the system"
		}
		p.conflict(f, about, "%s is there already, and not as the file has it (%s): change one of them, or use planb apply", what, strings.Join(c.What, "; "))
		return true
	})
	return p
}

func names(hosts []catalog.NewHost) []ident.Host {
	out := make([]ident.Host, len(hosts))
	for i, h := range hosts {
		out[i] = h.Host
	}
	return out
}

func hostsOf(hosts []catalog.NewHost, group string) []ident.Host {
	return slices.DeleteFunc(names(hosts), func(h ident.Host) bool { return h.Group != group })
}

// differences gives the settings that differ, as "every 1d → 12h".
func differences(is, to policy.Settings) []string {
	var out []string
	was, will := values(is), values(to)
	for _, name := range policy.Names() {
		if was[name] != will[name] {
			out = append(out, changed(name, was[name], will[name]))
		}
	}
	return out
}

// values gives each setting that is set, as text.
func values(s policy.Settings) map[string]string {
	text, err := json.Marshal(s)
	var raw map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(text, &raw)
	}
	out := map[string]string{}
	if err != nil {
		return out // settings are made of texts, numbers and lists: this cannot be
	}
	for name, value := range raw {
		var plain string
		if json.Unmarshal(value, &plain) == nil && plain != "" {
			out[name] = plain
		} else {
			out[name] = string(value)
		}
	}
	return out
}

// changed says from what to what; an empty text is unset.
func changed(name, was, will string) string {
	shown := func(s string) string {
		if s == "" {
			return "unset"
		}
		return strings.Join(strings.Fields(s), " ")
	}
	return name + " " + shown(was) + " → " + shown(will)
}
