package api

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/tarball"
	"planb/internal/tree"
	"planb/web/server"
)

// MostFound is how much one answer from the index holds: it is one piece in
// memory.
const MostFound = 10_000

// indexed is an answer from the index of a host's snapshots.
type indexed[T any] struct {
	Items []T `json:"items"`
	// Answer says how whole that is.
	Answer dataplane.Answer `json:"answer"`
}

func (a API) files() []endpoint {
	const host = "/hosts/{group}/{host}"
	const snap = host + "/snapshots/{snapshot}"
	path := text("path", "the host's own, absolute")
	limit := number("limit", "at most so many")
	get := func(e endpoint) endpoint {
		e.method, e.scope = http.MethodGet, server.InGroup
		if e.right == "" {
			e.right = access.View
		}
		return e
	}
	return []endpoint{
		get(endpoint{
			id: "listFiles", path: snap + "/files", summary: "List a directory of a snapshot, by the bytes of the names",
			query:  []param{path, limit, text("after", "what the page before this one gave as next")},
			answer: page[dataplane.Entry]{}, handle: a.listFiles,
		}),
		get(endpoint{
			id: "statFile", path: snap + "/stat", summary: "Describe a file of a snapshot",
			query: []param{path}, answer: dataplane.Entry{}, handle: a.stat,
		}),
		get(endpoint{
			id: "readFile", path: snap + "/content", summary: "Read a file of a snapshot",
			right: access.Restore, query: []param{path}, media: "application/octet-stream", handle: a.readFile,
		}),
		get(endpoint{
			id: "archiveFiles", path: snap + "/archive", summary: "Read files and directories of a snapshot as one archive; path may be there several times",
			right: access.Restore, query: []param{path, text("format", "tar, or tar.zst")},
			media: "application/octet-stream", handle: a.archive,
		}),
		get(endpoint{
			id: "findFiles", path: host + "/find", summary: "Find files in all snapshots, or in one, by their names",
			query:  []param{text("pattern", "as planb find takes it"), truth("ignore_case", "take capital and small letters as the same"), text("snapshot", "only in this one"), limit},
			answer: indexed[dataplane.FoundPath]{}, handle: a.find,
		}),
		get(endpoint{
			id: "fileHistory", path: host + "/history", summary: "List the versions of a file, the newest first",
			query: []param{path}, answer: indexed[dataplane.PathVersion]{}, handle: a.history,
		}),
		get(endpoint{
			id: "diffSnapshots", path: snap + "/diff", summary: "Show what changed from a snapshot to another, or to the live data",
			query:  []param{text("to", "the other snapshot; empty for the live data"), path, limit},
			answer: indexed[dataplane.ChangedPath]{}, handle: a.diff,
		}),
	}
}

// open finds the data service of the host, and the place that is meant. A
// snapshot is one that the catalog knows: nothing else can be named.
func (a API) open(r *http.Request, snap string) (*dataplane.Client, dataplane.At, error) {
	var at dataplane.At
	name, err := server.HostOf(r)
	if err != nil {
		return nil, at, err
	}
	host, err := a.Catalog.Host(r.Context(), name)
	if err != nil {
		return nil, at, err
	}
	if snap != "" {
		if err := a.haveSnapshot(r, name, snap); err != nil {
			return nil, at, err
		}
	}
	at = dataplane.At{Dataset: host.Dataset, Snap: snap, Path: tree.Clean(r.URL.Query().Get("path"))}
	files, err := a.Files.Of(r.Context(), host, server.Who(r).Actor())
	return files, at, err
}

func (a API) haveSnapshot(r *http.Request, host ident.Host, snap string) error {
	list, err := a.Catalog.Snapshots(r.Context(), host)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Name == snap {
			return nil
		}
	}
	return &catalog.NotFoundError{Kind: "snapshot", Name: host.String() + "@" + snap, Hint: "see planb snapshots " + host.String()}
}

func (a API) listFiles(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, dataplane.DefaultListLimit, MostFound)
	if err != nil {
		return err
	}
	after, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("after"))
	if err != nil {
		return bad("after is not the next of a page of files: begin at the first.")
	}
	files, at, err := a.open(r, r.PathValue("snapshot"))
	if err != nil {
		return err
	}
	list, err := files.ListPage(r.Context(), at, string(after), limit)
	if err != nil {
		return err
	}
	var next *string
	if list.More {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(list.Next)))
	}
	return answerPage(w, list.Entries, next)
}

func (a API) stat(w http.ResponseWriter, r *http.Request) error {
	files, at, err := a.open(r, r.PathValue("snapshot"))
	if err != nil {
		return err
	}
	entry, err := files.Stat(r.Context(), at)
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, entry)
}

func (a API) readFile(w http.ResponseWriter, r *http.Request) error {
	files, at, err := a.open(r, r.PathValue("snapshot"))
	if err != nil {
		return err
	}
	if err := a.note(r, "host.read", at.Snap, at.Path); err != nil {
		return err
	}
	body, err := files.Read(r.Context(), at, 0, -1)
	if err != nil {
		return err
	}
	return send(w, r, at.Path, body)
}

func (a API) archive(w http.ResponseWriter, r *http.Request) error {
	var paths []string
	for _, p := range r.URL.Query()["path"] {
		paths = append(paths, tree.Clean(p))
	}
	if len(paths) == 0 {
		return bad("Say which files: path=/etc, once for each.")
	}
	format, ending := tarball.Plain, ".tar"
	switch r.URL.Query().Get("format") {
	case "", "tar":
	case "tar.zst":
		format, ending = tarball.Zstd, ".tar.zst"
	default:
		return bad("format is tar or tar.zst.")
	}
	files, at, err := a.open(r, r.PathValue("snapshot"))
	if err != nil {
		return err
	}
	at.Path = ""
	if err := a.note(r, "host.archive", at.Snap, paths...); err != nil {
		return err
	}
	body, err := files.Archive(r.Context(), at, format, paths...)
	if err != nil {
		return err
	}
	return send(w, r, strings.ReplaceAll(r.PathValue("group")+"-"+r.PathValue("host"), "/", "-")+"@"+at.Snap+ending, body)
}

// note has on record who reads what, before the first byte of it leaves.
func (a API) note(r *http.Request, action, snap string, paths ...string) error {
	shown := make([]string, len(paths))
	for i, p := range paths {
		shown[i], _ = tree.Escape(p)
	}
	return a.Catalog.NoteAccess(r.Context(), action, r.PathValue("group")+"/"+r.PathValue("host"), map[string]any{"snapshot": snap, "paths": shown})
}

// send copies body. What breaks off in the middle breaks the connection, so that
// nobody takes a part for the whole.
func send(w http.ResponseWriter, r *http.Request, name string, body io.ReadCloser) error {
	defer body.Close()
	server.Download(w, name)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (a API) find(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 1000, MostFound)
	if err != nil {
		return err
	}
	ignore, err := truthOf(r, "ignore_case")
	if err != nil {
		return err
	}
	files, at, err := a.open(r, r.URL.Query().Get("snapshot"))
	if err != nil {
		return err
	}
	at.Path = ""
	out := indexed[dataplane.FoundPath]{Items: []dataplane.FoundPath{}}
	q := dataplane.FindQuery{Pattern: r.URL.Query().Get("pattern"), IgnoreCase: ignore, Limit: limit}
	out.Answer, err = files.Find(r.Context(), at, q, collect(&out.Items))
	return answerIndexed(w, out, err)
}

func (a API) history(w http.ResponseWriter, r *http.Request) error {
	files, at, err := a.open(r, "")
	if err != nil {
		return err
	}
	out := indexed[dataplane.PathVersion]{Items: []dataplane.PathVersion{}}
	out.Answer, err = files.History(r.Context(), at, collect(&out.Items))
	return answerIndexed(w, out, err)
}

func (a API) diff(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 1000, MostFound)
	if err != nil {
		return err
	}
	files, at, err := a.open(r, r.PathValue("snapshot"))
	if err != nil {
		return err
	}
	to := r.URL.Query().Get("to")
	if to != "" {
		host, err := server.HostOf(r)
		if err != nil {
			return err
		}
		if err := a.haveSnapshot(r, host, to); err != nil {
			return err
		}
	}
	out := indexed[dataplane.ChangedPath]{Items: []dataplane.ChangedPath{}}
	out.Answer, err = files.Diff(r.Context(), at, to, limit, collect(&out.Items))
	return answerIndexed(w, out, err)
}

func collect[T any](into *[]T) func(T) error {
	return func(v T) error {
		*into = append(*into, v)
		return nil
	}
}

func answerIndexed[T any](w http.ResponseWriter, out indexed[T], err error) error {
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, out)
}
