package export

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// What confexport writes before each host: its group and name, with a dash
// between.
var (
	jsonHead = regexp.MustCompile(`(?m)^/\* (\S+) \*/[ \r]*$`)
	anyHead  = regexp.MustCompile(`(?m)^(?:/\* (\S+) \*/|# (\S+))[ \r]*$`)
)

// confexportJSON makes documents of the objects of confexport's JSON, without
// changing a line's number.
func confexportJSON(text []byte) []byte {
	if !jsonHead.Match(text) {
		return text
	}
	return jsonHead.ReplaceAll(text, []byte("---"))
}

func confexportNames(text []byte) []string {
	var names []string
	for _, m := range anyHead.FindAllSubmatch(text, -1) {
		names = append(names, string(bytes.Join(m[1:], nil)))
	}
	return names
}

func isConfexport(n ast.Node) bool {
	o := object(n)
	_, paths := o["paths"]
	_, notes := o["notes"]
	return paths && notes
}

// readConfexport makes hosts of what confexport printed. It has no addresses:
// each host is disabled until somebody gave it one.
func readConfexport(roots []ast.Node, names []string, group string) (File, error) {
	f := &first{File: File{lines: map[string]int{}}}
	if group == "" {
		return File{}, &Error{[]Problem{{0, "what confexport prints does not tell groups from names: say which group it is of with --group, and export one group at a time"}}}
	}
	if err := ident.CheckGroup(group); err != nil {
		return File{}, &Error{[]Problem{{0, err.Error()}}}
	}
	if len(names) != len(roots) {
		return File{}, &Error{[]Problem{{0, fmt.Sprintf("there are %d names for %d hosts: leave the lines with /* group-name */ or # group-name as confexport wrote them", len(names), len(roots))}}}
	}
	f.Groups, f.lines["group "+group] = []catalog.NewGroup{{Name: group}}, 1
	for i, root := range roots {
		o := record{line: line(root), fields: object(root)}
		bare, ok := strings.CutPrefix(names[i], group+"-")
		if !ok {
			f.r.at(o.line, "%s is not of group %s: export one group at a time, confexport --with-disabled %s", names[i], group, group)
			continue
		}
		h := catalog.NewHost{Host: ident.Host{Group: group, Name: f.name(o.line, "host", bare)}, Address: bare, Notes: o.value("notes")}
		h.DisabledReason = "imported without its address"
		if err := ident.CheckAddress(h.Address); err != nil {
			h.Address = "unknown.invalid"
		}
		of := "host " + h.Host.String()
		f.note(o.line, "%s: confexport tells neither address, login, flags nor dataset; it is disabled until planb host edit %s --address … --dataset … and planb host enable", of, h.Host)
		if keep, ok := o.fields["retention"]; ok {
			f.confRetention(o, of, record{fields: object(keep)}, &h)
		}
		paths := record{line: o.line, fields: object(o.fields["paths"])}
		named := map[string]ast.Node{}
		for from, to := range map[string]string{"include": "includes", "exclude": "excludes"} {
			if n, ok := paths.fields[from]; ok {
				named[to] = n
			}
		}
		f.paths(record{line: o.line, fields: named}, &h, strings.Trim(paths.value("root"), "/"))
		if f.lines["host "+h.Host.String()] > 0 {
			f.r.at(o.line, "%s is there twice: leave one out", of)
			continue
		}
		f.lines["host "+h.Host.String()] = o.line
		f.Hosts = append(f.Hosts, h)
	}
	return f.File, f.r.err()
}

func (f *first) confRetention(o record, of string, keep record, h *catalog.NewHost) {
	var parts []string
	for _, p := range [][2]string{{"hourly", "h"}, {"daily", "d"}, {"weekly", "w"}, {"monthly", "m"}, {"yearly", "y"}} {
		if n := keep.value(p[0]); n != "" && n != "0" {
			parts = append(parts, n+p[1])
		}
	}
	if len(parts) > 0 {
		f.put(o, of, &h.Settings, "keep", strings.Join(parts, ","))
	}
}
