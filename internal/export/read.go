package export

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/settings"
	"planb/internal/sshx"
)

// The keys of a file, in the order in which they are written.
var (
	topKeys   = []string{"planb", "policy", "groups", "hosts"}
	groupKeys = []string{"group", "emails", "notes", "policy"}
	hostKeys  = []string{"host", "id", "address", "disabled", "storage", "dataset", "tags", "host_keys", "notes", "policy"}
)

var uuidRE = regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`)

// Read reads a file that JSON or YAML wrote, or a person. Errors: *Error, which
// says of each thing that is wrong in which line.
func Read(text []byte) (File, error) {
	roots, err := parse(text)
	if err != nil {
		return File{}, err
	}
	if len(roots) != 1 {
		return File{}, &Error{[]Problem{{0, "the file is not one that planb export wrote: it holds " + strconv.Itoa(len(roots)) + " documents, not one"}}}
	}
	r := &reader{}
	f := r.file(roots[0])
	return f, r.err()
}

// parse gives the documents of a file.
func parse(text []byte) ([]ast.Node, error) {
	tree, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, &Error{[]Problem{syntaxProblem(err)}}
	}
	var roots []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.CommentGroupType {
			roots = append(roots, doc.Body)
		}
	}
	return roots, nil
}

func syntaxProblem(err error) Problem {
	p := Problem{Reason: "this is neither YAML nor JSON: " + strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " ")}
	var at yaml.Error
	if errors.As(err, &at) {
		p.Reason = "this is neither YAML nor JSON: " + at.GetMessage()
		if t := at.GetToken(); t != nil {
			p.Line = t.Position.Line
		}
	}
	return p
}

func (r *reader) file(root ast.Node) File {
	f := File{lines: map[string]int{}}
	version := false
	for _, p := range r.pairs(root, "the file", topKeys) {
		switch p.key {
		case "planb":
			version = true
			if text, ok := r.text(p.value, "planb"); ok && text != strconv.Itoa(Version) {
				r.wrong(p.value, "the file is of version %s, and this program reads version %d: use the program that wrote it", text, Version)
			}
		case "policy":
			f.System, f.HasSystem = r.policy(p.value), true
		case "groups":
			for _, item := range r.items(p.value, "groups") {
				r.group(&f, item)
			}
		case "hosts":
			for _, item := range r.items(p.value, "hosts") {
				r.host(&f, item)
			}
		}
	}
	if !version && len(r.problems) == 0 {
		r.at(0, "the file does not say of which version it is: write \"planb: %d\" at its top", Version)
	}
	return f
}

func (r *reader) group(f *File, n ast.Node) {
	var g catalog.NewGroup
	var at ast.Node
	for _, p := range r.pairs(n, "a group", groupKeys) {
		switch p.key {
		case "group":
			at = p.node
			if text, ok := r.text(p.value, "group"); ok {
				g.Name = text
				r.check(p.value, ident.CheckGroup(text))
			}
		case "emails":
			g.Emails = r.texts(p.value, "emails")
			for _, m := range g.Emails {
				r.check(p.value, ident.CheckEmail(m))
			}
		case "notes":
			g.Notes, _ = r.text(p.value, "notes")
		case "policy":
			g.Settings = r.policy(p.value)
		}
	}
	if r.named(f, n, at, "group", g.Name) {
		f.Groups = append(f.Groups, g)
	}
}

func (r *reader) host(f *File, n ast.Node) {
	var h catalog.NewHost
	var at ast.Node
	name, address := "", false
	for _, p := range r.pairs(n, "a host", hostKeys) {
		switch p.key {
		case "host":
			at = p.node
			if text, ok := r.text(p.value, "host"); ok {
				var err error
				name = text
				h.Host, err = ident.ParseHost(text)
				r.check(p.value, err)
			}
		case "address":
			address = true
			if text, ok := r.text(p.value, "address"); ok {
				a, err := ident.ParseAddress(text)
				r.check(p.value, err)
				h.Address, h.Module = a.Host, a.Module
			}
		default:
			r.hostMore(&h, p)
		}
	}
	if !r.named(f, n, at, "host", name) {
		return
	}
	if !address {
		r.wrong(at, "host %s has no address: write where it answers, address: %s.example.com", name, h.Host.Name)
	}
	f.Hosts = append(f.Hosts, h)
}

// hostMore reads what a host need not have.
func (r *reader) hostMore(h *catalog.NewHost, p pair) {
	switch p.key {
	case "tags":
		h.Tags = r.texts(p.value, "tags")
		for _, tag := range h.Tags {
			r.check(p.value, ident.CheckLabel(tag))
		}
		return
	case "host_keys":
		keys, err := sshx.ParseHostKeys(r.texts(p.value, "host_keys"))
		r.check(p.value, err)
		h.HostKeys = keys
		return
	case "policy":
		h.Settings = r.policy(p.value)
		return
	}
	text, ok := r.text(p.value, p.key)
	if !ok {
		return
	}
	switch p.key {
	case "id":
		h.ID = text
		if !uuidRE.MatchString(text) {
			r.wrong(p.value, "%q is not the id of a host: leave it out to make a new one", text)
		}
	case "disabled":
		h.DisabledReason = text
		if text == "" || text == "true" || text == "false" {
			r.wrong(p.value, "disabled needs a reason, for whoever wonders later; leave it out for a host that is enabled")
		}
	case "storage":
		h.Storage = text
	case "dataset":
		h.Dataset = text
		r.check(p.value, ident.CheckDataset(text))
	case "notes":
		h.Notes = text
	}
}

// named says whether a group or host has a name that is not taken.
func (r *reader) named(f *File, n, at ast.Node, kind, name string) bool {
	switch {
	case at == nil:
		if len(r.problems) == 0 || r.problems[len(r.problems)-1].Line != line(n) {
			r.wrong(n, "a %s has no name: write %s: first", kind, kind)
		}
		return false
	case name == "":
		return false
	case f.lines[kind+" "+name] > 0:
		r.wrong(at, "%s %s is there twice, first in line %d: leave one out", kind, name, f.lines[kind+" "+name])
		return false
	}
	f.lines[kind+" "+name] = line(at)
	return true
}

func (r *reader) policy(n ast.Node) (set policy.Settings) {
	for _, p := range r.pairs(n, "a policy", policy.Names()) {
		s, _ := settings.Find(p.key)
		var values []string
		if s.Kind == settings.List {
			values = r.texts(p.value, p.key)
		} else {
			text, ok := r.text(p.value, p.key)
			if !ok {
				continue
			}
			values = []string{text}
		}
		if err := s.Put(&set, values...); err != nil {
			r.wrong(p.value, "%s: %s", p.key, strings.TrimPrefix(err.Error(), p.key+": "))
		}
	}
	return set
}

func (r *reader) check(n ast.Node, err error) {
	if err != nil {
		r.wrong(n, "%s", err)
	}
}
