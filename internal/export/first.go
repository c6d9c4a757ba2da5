package export

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/settings"
)

// ReadAny reads what Read reads, and what the first PlanB wrote: its database, by
// Django's dumpdata as JSON or YAML, or what its confexport printed. Of confexport
// group is the group of the hosts, since their names there do not tell it.
func ReadAny(text []byte, group string) (File, error) {
	roots, err := parse(confexportJSON(text))
	if err != nil {
		return File{}, err
	}
	switch {
	case len(roots) == 1 && isDump(roots[0]):
		return readDump(roots[0])
	case len(roots) > 0 && isConfexport(roots[0]):
		return readConfexport(roots, confexportNames(text), group)
	}
	return Read(text)
}

// isDump says whether a document is a list of Django's objects.
func isDump(n ast.Node) bool {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return false
	}
	_, ok = object(list.Values[0])["model"]
	return ok
}

// object gives the values of a mapping by key, and nothing for what is none.
func object(n ast.Node) map[string]ast.Node {
	r := &reader{}
	out := map[string]ast.Node{}
	for _, p := range r.pairs(n, "", nil) {
		out[p.key] = p.value
	}
	return out
}

// record is an object of a dump.
type record struct {
	line   int
	pk     string
	fields map[string]ast.Node
}

// value gives a field as text; empty where it is not there.
func (o record) value(names ...string) string {
	for _, name := range names {
		r := &reader{}
		if n, ok := o.fields[name]; ok && n.Type() != ast.NullType {
			text, _ := r.text(n, name)
			return text
		}
	}
	return ""
}

func (o record) yes(names ...string) bool {
	return slices.Contains([]string{"true", "True", "1", "yes"}, o.value(names...))
}

// words gives a field that is a list, or a text of words.
func (o record) words(name string) []string {
	if n, ok := o.fields[name]; ok && n.Type() == ast.SequenceType {
		return (&reader{}).texts(n, name)
	}
	return strings.Fields(o.value(name))
}

// list gives a field that is a list, or a text with one item a line, or commas
// between.
func (o record) list(name string) []string {
	n, ok := o.fields[name]
	if !ok || n.Type() == ast.NullType {
		return nil
	}
	if n.Type() == ast.SequenceType {
		return (&reader{}).texts(n, name)
	}
	return strings.FieldsFunc(o.value(name), func(c rune) bool { return strings.ContainsRune(" ,\n\r\t", c) })
}

// first converts what the first PlanB had.
type first struct {
	File
	r reader
	// tags, groups and transports by their numbers; transports by that of the
	// fileset.
	tags       map[string]string
	groups     map[string]string
	origins    map[string]string // of groups, the names they had
	transports map[string]record
}

// note tells what could not be taken over.
func (f *first) note(line int, format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf("line %d: %s", line, fmt.Sprintf(format, args...)))
}

// Models of the first PlanB, the newer names and the older ones.
const (
	modelGroup     = "planb.hostgroup"
	modelFileset   = "planb.fileset"
	modelHost      = "planb.hostconfig"
	modelTag       = "planb.tag"
	modelTransport = "transport_rsync.config"
)

// unneeded are models that have nothing which people set up for backups.
var unneeded = regexp.MustCompile(`^(planb\.backuprun|django_q\.|auth\.|admin\.|contenttypes\.|sessions\.|sites\.)`)

func readDump(root ast.Node) (File, error) {
	f := &first{
		File: File{lines: map[string]int{}}, tags: map[string]string{}, groups: map[string]string{}, origins: map[string]string{},
		transports: map[string]record{},
	}
	byModel, others := map[string][]record{}, map[string]int{}
	for _, item := range f.r.items(root, "the dump") {
		o := object(item)
		text := record{fields: o}
		rec := record{line: line(item), pk: text.value("pk"), fields: object(o["fields"])}
		switch model := text.value("model"); model {
		case modelGroup, modelFileset, modelHost, modelTag, modelTransport:
			byModel[model] = append(byModel[model], rec)
		default:
			if !unneeded.MatchString(model) {
				others[model]++
			}
		}
	}
	for _, o := range byModel[modelTag] {
		f.tags[o.pk] = o.value("name")
	}
	for _, o := range byModel[modelTransport] {
		f.transports[o.value("fileset")] = o
	}
	for _, o := range byModel[modelGroup] {
		f.group(o)
	}
	for _, o := range byModel[modelFileset] {
		transport, ok := f.transports[o.pk]
		if !ok {
			f.note(o.line, "%s has no rsync transport and was left out: another transport of the first PlanB is not there in this one", o.value("friendly_name"))
			continue
		}
		f.host(o, transport)
	}
	for _, o := range byModel[modelHost] {
		f.host(o, o)
	}
	names := make([]string, 0, len(others))
	for model := range others {
		names = append(names, model)
	}
	slices.Sort(names)
	for _, model := range names {
		f.Notes = append(f.Notes, fmt.Sprintf("%d of %s were left out: there is nothing like it", others[model], model))
	}
	slices.SortFunc(f.Groups, func(a, b catalog.NewGroup) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(f.Hosts, func(a, b catalog.NewHost) int { return cmp.Compare(a.Host.String(), b.Host.String()) })
	return f.File, f.r.err()
}

func (f *first) group(o record) {
	g := catalog.NewGroup{Name: f.name(o.line, "group", o.value("name")), Emails: o.list("notify_email"), Notes: o.value("notes")}
	f.groups[o.pk], f.origins[o.pk] = g.Name, o.value("name")
	for _, mail := range g.Emails {
		if err := ident.CheckEmail(mail); err != nil {
			f.note(o.line, "group %s: %s", g.Name, err)
		}
	}
	g.Emails = slices.DeleteFunc(g.Emails, func(m string) bool { return ident.CheckEmail(m) != nil })
	f.retention(o, "group "+g.Name, &g.Settings)
	f.blacklist(o, "group "+g.Name, &g.Settings)
	if f.lines["group "+g.Name] > 0 {
		f.r.at(o.line, "group %s is there twice, first in line %d: rename one of them in the file", g.Name, f.lines["group "+g.Name])
		return
	}
	f.lines["group "+g.Name] = o.line
	f.Groups = append(f.Groups, g)
}

func (f *first) host(o, transport record) {
	group, ok := f.groups[o.value("hostgroup")]
	if !ok {
		f.r.at(o.line, "%s is of the host group %s, which the dump does not have: dump planb.hostgroup too", o.value("friendly_name"), o.value("hostgroup"))
		return
	}
	h := catalog.NewHost{Host: ident.Host{Group: group, Name: f.name(o.line, "host", o.value("friendly_name"))}, Notes: o.value("notes", "description")}
	name := h.Host.String()
	if f.lines["host "+name] > 0 {
		f.r.at(o.line, "host %s is there twice, first in line %d: rename one of them in the file", name, f.lines["host "+name])
		return
	}
	if o.fields["is_enabled"] != nil || o.fields["enabled"] != nil {
		if !o.yes("is_enabled", "enabled") {
			h.DisabledReason = "disabled in the first PlanB"
		}
	}
	f.dataset(o, &h)
	for _, pk := range o.list("tags") {
		tag := cmp.Or(f.tags[pk], pk)
		if ident.CheckLabel(tag) != nil {
			f.note(o.line, "host %s: the tag %q has characters that tags do not have here, and was left out", name, tag)
			continue
		}
		h.Tags = append(h.Tags, tag)
	}
	f.retention(o, "host "+name, &h.Settings)
	f.blacklist(o, "host "+name, &h.Settings)
	f.transport(transport, &h)
	f.lines["host "+name] = o.line
	f.Hosts = append(f.Hosts, h)
}

// dataset keeps the files of a host where the first PlanB has them.
func (f *first) dataset(o record, h *catalog.NewHost) {
	dataset := o.value("dataset_name")
	if pool := o.value("dest_pool"); dataset == "" && pool != "" {
		dataset = pool + "/" + f.origins[o.value("hostgroup")] + "-" + o.value("friendly_name")
	}
	if dataset == "" {
		f.note(o.line, "host %s has no dataset in the dump: it gets a new one, unless planb host edit %s --dataset names the old", h.Host, h.Host)
		return
	}
	if err := ident.CheckDataset(dataset); err != nil {
		f.note(o.line, "host %s: %s; it gets a new dataset", h.Host, err)
		return
	}
	h.Dataset = dataset
}

var notName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// name makes a name of what may have been free text.
func (f *first) name(line int, kind, text string) string {
	check := ident.CheckHostName
	if kind == "group" {
		check = ident.CheckGroup
	}
	if check(text) == nil {
		return text
	}
	name := strings.Trim(notName.ReplaceAllString(text, "-"), "-._")
	if err := check(name); err != nil {
		f.r.at(line, "the %s %q cannot be called so here, and no name can be made of it: change it in the file", kind, text)
		return name
	}
	f.note(line, "the %s %q is called %s here", kind, text, name)
	return name
}

// retention takes "1y,12m,4w,16d", or the four numbers of older releases, which
// kept one more of each.
func (f *first) retention(o record, of string, set *policy.Settings) {
	text := strings.Trim(o.value("retention"), ", ")
	_, four := o.fields["daily_retention"]
	if !four && text != "" && strings.Trim(text, "0123456789") == "" { // the first releases
		four = true
	}
	if four && (text == "" || strings.Trim(text, "0123456789") == "") {
		keep := policy.Retention{
			Daily: f.more(o, "daily_retention", "retention"), Weekly: f.more(o, "weekly_retention"),
			Monthly: f.more(o, "monthly_retention"), Yearly: f.more(o, "yearly_retention"),
		}
		text = keep.String()
	}
	if text != "" {
		f.put(o, of, set, "keep", text)
	}
}

func (f *first) more(o record, names ...string) int {
	var n int
	if _, err := fmt.Sscan(o.value(names...), &n); err != nil || n < 0 {
		return 0
	}
	return n + 1
}

// put sets a setting, or tells why it could not.
func (f *first) put(o record, of string, set *policy.Settings, name string, values ...string) {
	s, _ := settings.Find(name)
	if err := s.Put(set, values...); err != nil {
		f.note(o.line, "%s: %s", of, err)
	}
}

// blacklist turns the hours in which the first PlanB began no backup into a
// window, which is the hours in which one may begin and run.
func (f *first) blacklist(o record, of string, set *policy.Settings) {
	text := o.value("blacklist_hours")
	if text == "" {
		return
	}
	if text == "none" {
		f.put(o, of, set, "window", "")
		return
	}
	var black [24]bool
	for part := range strings.SplitSeq(strings.Trim(text, ", "), ",") {
		var from, to int
		if n, _ := fmt.Sscanf(part, "%d-%d", &from, &to); n == 1 {
			to = from
		} else if n != 2 {
			f.note(o.line, "%s: the blacklist hours %q cannot be read: set a window by hand", of, text)
			return
		}
		if from < 0 || from > 23 || to < 0 || to > 24 {
			f.note(o.line, "%s: the blacklist hours %q are no hours of a day: set a window by hand", of, text)
			return
		}
		for h := from; ; h = (h + 1) % 24 {
			black[h] = true
			if h == min(to, 23) {
				break
			}
		}
	}
	if !slices.Contains(black[:], false) {
		f.note(o.line, "%s: the blacklist hours %q leave no hour: set a window by hand, or disable it", of, text)
		return
	}
	f.put(o, of, set, "window", windowOf(black))
	f.note(o.line, "%s: the blacklist hours %s are the window %s now, in which backups begin and end; before, they only kept backups from beginning", of, text, windowOf(black))
}

// windowOf gives the hours that are not black, as spans that may pass midnight.
func windowOf(black [24]bool) string {
	var spans []string
	for h := range 24 {
		if black[h] || !black[(h+23)%24] {
			continue
		}
		end := h
		for !black[end%24] {
			end++
		}
		spans = append(spans, fmt.Sprintf("%02d:00-%02d:00", h, end%24))
	}
	return strings.Join(spans, "; ")
}

// under puts a path below the directory that transfers began at.
func under(dir, p string) string { return strings.TrimPrefix(path.Join("/", dir, p), "/") }
