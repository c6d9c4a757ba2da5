package browse

import (
	"context"
	"net/http"
	"strings"

	"planb/internal/dataplane"
	"planb/internal/index"
	"planb/web/server"
)

const (
	// mostFound is how many paths a search shows.
	mostFound = 500
	// mostRead bounds the changes that are read to show some of them.
	mostRead = 50_000
	// changesPerPage is how many changes a page of a comparison has.
	changesPerPage = 500
)

// findView is the page of a search.
type findView struct {
	place
	Pattern    string
	IgnoreCase bool
	Found      []dataplane.FoundPath
	Answer     dataplane.Answer
	// Failed is what is wrong with the pattern.
	Failed string
}

// find looks for names, in all snapshots or in one.
func (p Pages) find(w http.ResponseWriter, r *http.Request) error {
	given := r.FormValue("snap")
	at, files, err := p.look(r)
	if err != nil {
		return err
	}
	at.Snap, at.Path = given, ""
	v := findView{place: at, Pattern: r.FormValue("q"), IgnoreCase: r.FormValue("i") != ""}
	if v.Pattern == "" || files == nil {
		return server.Render(w, r, http.StatusOK, findPage(v))
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v.Answer, err = files.Find(ctx, at.at(), dataplane.FindQuery{Pattern: v.Pattern, IgnoreCase: v.IgnoreCase, Limit: mostFound},
		func(f dataplane.FoundPath) error {
			v.Found = append(v.Found, f)
			return nil
		})
	status := http.StatusOK
	if text, told := server.Told(err); err != nil && told {
		v.Failed, status = text, http.StatusUnprocessableEntity
	} else if err != nil {
		return slow(err)
	}
	return server.Render(w, r, status, findPage(v))
}

// diffView is the page of what differs between two snapshots.
type diffView struct {
	place
	// From and To are the snapshots, by time.
	From, To string
	// Kind narrows the list to one kind of change.
	Kind    string
	Changes []dataplane.ChangedPath
	Sum     *dataplane.Difference
	// Next is the address of the following page; After is the path before the
	// first one here.
	Next, After string
	// Cut says that not all changes were read.
	Cut bool
}

// diffKinds are what a comparison can be narrowed to, with their words.
var diffKinds = [][2]string{
	{index.Added, "added"}, {index.Removed, "removed"}, {index.Changed, "changed"}, {index.Meta, "only owner, mode or time"},
}

// diff compares two snapshots.
func (p Pages) diff(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.look(r)
	if err != nil {
		return err
	}
	v := diffView{place: at, From: r.FormValue("from"), To: r.FormValue("to"), Kind: r.FormValue("kind"), After: r.FormValue("after")}
	if v.To == "" {
		v.To = at.Snap
	}
	if v.From == "" {
		v.From = before(at, v.To)
	}
	if files == nil || v.From == "" {
		return server.Render(w, r, http.StatusOK, diffPage(v))
	}
	for _, name := range []string{v.From, v.To} {
		if at.in(name, "").snapshot().Created.IsZero() {
			return gone(at.in(name, ""))
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	seen := v.After == ""
	answer, err := files.Diff(ctx, at.in(v.From, "").at(), v.To, mostRead, func(c dataplane.ChangedPath) error {
		switch path := raw(c.Path, c.PathB64); {
		case !seen:
			seen = path == v.After
		case v.Kind != "" && c.Change != v.Kind:
		case len(v.Changes) < changesPerPage:
			v.Changes = append(v.Changes, c)
		case v.Next == "":
			last := v.Changes[len(v.Changes)-1]
			v.Next = at.href("diff", "from", v.From, "to", v.To, "kind", v.Kind, "after", raw(last.Path, last.PathB64))
		}
		return nil
	})
	if err != nil {
		return slow(err)
	}
	v.Sum, v.Cut = answer.Difference, answer.More
	return server.Render(w, r, http.StatusOK, diffPage(v))
}

// before gives the snapshot before another.
func before(at place, snap string) string {
	for i, s := range at.Snapshots {
		if s.Name == snap && i+1 < len(at.Snapshots) {
			return at.Snapshots[i+1].Name
		}
	}
	return ""
}

func raw(shown string, b64 []byte) string {
	if b64 != nil {
		return string(b64)
	}
	return shown
}

// parent gives the directory of a path.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}
