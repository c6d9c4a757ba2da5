// Package browse shows what snapshots hold: directories and files, the versions
// of a file, what differs between two snapshots, and where a name lies or lay.
//
// Names may be read by who may view the host; contents only with the right to
// restore, and each time they are, the audit log has it. Contents are somebody
// else's: they are downloads, text that is escaped, or images of four kinds.
package browse

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/tree"
	"planb/web/server"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Host(ctx context.Context, name ident.Host) (catalog.Host, error)
	Snapshots(ctx context.Context, host ident.Host) ([]catalog.Snapshot, error)
	NoteAccess(ctx context.Context, action, subject string, detail map[string]any) error
}

// Files is what they ask of *readers.Readers.
type Files interface {
	Of(ctx context.Context, h catalog.Host, subject string) (*dataplane.Client, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog Catalog
	Files   Files
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	get := func(right access.Right, path string, h server.HandlerFunc) server.Route {
		return server.Route{Method: http.MethodGet, Pattern: "/hosts/{group}/{host}/" + path, Right: right, Scope: server.InGroup, Handle: h}
	}
	return []server.Route{
		get(access.View, "files", p.browse),
		get(access.View, "find", p.find),
		get(access.View, "diff", p.diff),
		get(access.Restore, "files/text", p.text),
		get(access.Restore, "files/image", p.image),
		get(access.Restore, "files/compare", p.compare),
		get(access.Restore, "files/download", p.download),
		get(access.Restore, "files/archive", p.archive),
	}
}

// place is where a reader looks: a path in a snapshot of a host.
type place struct {
	Host ident.Host
	// Snapshots are all of the host, the newest first.
	Snapshots []catalog.Snapshot
	// Snap is the one that is looked into; empty where there is none, or where
	// all are.
	Snap string
	// Path is in raw bytes, clean.
	Path string

	host catalog.Host
}

// at is the place for the data service.
func (p place) at() dataplane.At {
	return dataplane.At{Dataset: p.host.Dataset, Snap: p.Snap, Path: p.Path}
}

// in is the place in another snapshot, or of another path; an empty argument
// leaves it.
func (p place) in(snap, path string) place {
	if snap != "" {
		p.Snap = snap
	}
	if path != "" {
		p.Path = path
	}
	return p
}

// snapshot gives the chosen one.
func (p place) snapshot() catalog.Snapshot {
	for _, s := range p.Snapshots {
		if s.Name == p.Snap {
			return s
		}
	}
	return catalog.Snapshot{Name: p.Snap}
}

// href gives the address of a page about the place, with more parameters as
// names and values. Any byte may be in a path, so all are percent-encoded.
func (p place) href(page string, more ...string) string {
	q := url.Values{}
	if p.Snap != "" {
		q.Set("snap", p.Snap)
	}
	if p.Path != "" {
		q.Set("path", p.Path)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/hosts/" + p.Host.String() + "/" + page + "?" + q.Encode()
}

// shown gives a path for people: what is not printable is escaped.
func shown(path string) string {
	esc, _ := tree.Escape(path)
	return esc
}

// Paths reads the paths that a request names: each "path" in its bytes, each
// "enc" percent-encoded once more. The second is for forms, since a browser
// changes line breaks and what is no UTF-8 in the values of fields. What is not
// encoded well is left out.
func Paths(r *http.Request) []string {
	var list []string
	_ = r.FormValue("path") // reads the form; what is wrong with it leaves it empty
	for _, given := range r.Form["path"] {
		list = append(list, tree.Clean(given))
	}
	for _, given := range r.Form["enc"] {
		if path, err := url.PathUnescape(given); err == nil {
			list = append(list, tree.Clean(path))
		}
	}
	return list
}

// step is a directory on the way to a place.
type step struct{ Label, Path string }

// steps are the directories down to the place, itself included, without the root.
func (p place) steps() []step {
	var list []step
	path := ""
	for name := range strings.SplitSeq(strings.Trim(p.Path, "/"), "/") {
		if name != "" {
			path += "/" + name
			list = append(list, step{shown(name), path})
		}
	}
	return list
}

// look reads the host, its snapshots and the place from a request, and opens
// the way to its files. Where no snapshot is named it is the last good one, or
// the newest where none is good. The client is nil where there is nothing yet.
func (p Pages) look(r *http.Request) (place, *dataplane.Client, error) {
	name, err := server.HostOf(r)
	if err != nil {
		return place{}, nil, err
	}
	h, err := p.Catalog.Host(r.Context(), name)
	if err != nil {
		return place{}, nil, err
	}
	at := place{Host: name, host: h, Snap: r.FormValue("snap"), Path: "/"}
	if paths := Paths(r); len(paths) > 0 {
		at.Path = paths[0]
	}
	snaps, err := p.Catalog.Snapshots(r.Context(), name)
	if err != nil {
		return at, nil, err
	}
	if at.Snap == "" {
		if good, ok := catalog.LastGood(snaps, zeroTime); ok {
			at.Snap = good.Name
		} else if len(snaps) > 0 {
			at.Snap = snaps[len(snaps)-1].Name
		}
	} else if !slices.ContainsFunc(snaps, func(s catalog.Snapshot) bool { return s.Name == at.Snap }) {
		return at, nil, gone(at)
	}
	slices.Reverse(snaps)
	at.Snapshots = snaps
	if len(snaps) == 0 {
		return at, nil, nil
	}
	files, err := p.Files.Of(r.Context(), h, server.Who(r).Actor())
	return at, files, err
}

// need is look for what is about contents: there has to be a snapshot.
func (p Pages) need(r *http.Request) (place, *dataplane.Client, error) {
	at, files, err := p.look(r)
	if err == nil && files == nil {
		err = &server.Error{Status: http.StatusNotFound, Title: "No snapshot", Text: at.Host.String() + " has no snapshot yet: back it up first."}
	}
	return at, files, err
}

func gone(at place) error {
	return &server.Error{
		Status: http.StatusNotFound, Title: "No such snapshot",
		Text: at.Host.String() + " has no snapshot " + shown(at.Snap) + " any more: choose another one.",
	}
}
