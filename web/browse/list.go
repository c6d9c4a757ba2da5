package browse

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"planb/internal/dataplane"
	"planb/web/server"
	"planb/web/ui"
)

const (
	// perPage is how many names a page of a directory has.
	perPage = 500
	// mostSorted is how many names are read to order them by anything but name.
	mostSorted = 20_000
	// patience is how long a page waits for a storage server.
	patience = 40 * time.Second
)

var zeroTime time.Time

// dirView is the page of a directory.
type dirView struct {
	place
	Entries []dataplane.Entry
	Sort    ui.Sort
	Pager   ui.Pager
	// Unsorted says that there are too many names to order them otherwise.
	Unsorted bool
}

// browse shows what lies at a place: a directory, or one file.
func (p Pages) browse(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.look(r)
	if err != nil {
		return err
	}
	if files == nil {
		return server.Render(w, r, http.StatusOK, nothingPage(at))
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	e, err := files.Stat(ctx, at.at())
	switch {
	case errors.Is(err, dataplane.ErrNotFound):
		return p.missing(ctx, w, r, at, files)
	case err != nil:
		return slow(err)
	case e.Type != dataplane.TypeDir:
		v := fileView{place: at, Entry: e}
		v.Versions = versionsOf(ctx, files, at)
		v.Kind = kindOf(ctx, files, at, e)
		return server.Render(w, r, http.StatusOK, filePage(v))
	}
	v, err := listing(ctx, files, at, r.URL.Query())
	if err != nil {
		return slow(err)
	}
	return server.Render(w, r, http.StatusOK, dirPage(v))
}

// missing shows that a path is not in the snapshot, and which ones have it.
func (p Pages) missing(ctx context.Context, w http.ResponseWriter, r *http.Request, at place, files *dataplane.Client) error {
	return server.Render(w, r, http.StatusNotFound, missingPage(fileView{place: at, Versions: versionsOf(ctx, files, at)}))
}

// slow tells of an answer that did not come in time.
func slow(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &server.Error{
			Status: http.StatusGatewayTimeout, Title: "This takes too long",
			Text: "The storage server has not answered in time: it is busy, or there is very much to look at. Try again, or ask for less.",
		}
	case errors.Is(err, dataplane.ErrNotReady):
		return &server.Error{Status: http.StatusServiceUnavailable, Title: "Not indexed yet", Text: err.Error()}
	}
	return err
}

// orders are the columns that a directory can be ordered by.
var orders = map[string]func(a, b dataplane.Entry) int{
	"name":     func(a, b dataplane.Entry) int { return strings.Compare(a.RawName(), b.RawName()) },
	"size":     func(a, b dataplane.Entry) int { return cmp.Compare(a.Size, b.Size) },
	"modified": func(a, b dataplane.Entry) int { return a.MTime.Compare(b.MTime) },
	"type":     func(a, b dataplane.Entry) int { return strings.Compare(a.Type, b.Type) },
}

// listing reads one page of a directory.
func listing(ctx context.Context, files *dataplane.Client, at place, q url.Values) (dirView, error) {
	base := at.href("files")
	path, raw, _ := strings.Cut(base, "?")
	query, _ := url.ParseQuery(raw)
	v := dirView{place: at, Sort: ui.Sort{Path: path, Query: query, By: cmp.Or(q.Get("sort"), "name")}}
	order, known := orders[strings.TrimPrefix(v.Sort.By, "-")]
	if !known {
		v.Sort.By, order = "name", orders["name"]
	}
	if v.Sort.By != "name" {
		done, err := v.sorted(ctx, files, order, q)
		if err != nil || done {
			return v, err
		}
		v.Unsorted, v.Sort.By = true, "name"
	}
	after := q.Get("after")
	page, err := files.ListPage(ctx, at.at(), after, perPage)
	if err != nil {
		return v, err
	}
	v.Entries = page.Entries
	v.Pager.NextWord, v.Pager.PrevWord = "More", "First"
	if page.More {
		v.Pager.Next = at.href("files", "after", page.Next)
	}
	if after != "" {
		v.Pager.Prev = base
	}
	if page.More || after != "" {
		v.Pager.Shown = ui.Count(len(v.Entries)) + " names on this page"
	}
	return v, nil
}

// sorted reads all names and gives the page of them that is asked for; false
// where there are too many.
func (v *dirView) sorted(ctx context.Context, files *dataplane.Client, order func(a, b dataplane.Entry) int, q url.Values) (bool, error) {
	var all []dataplane.Entry
	for e, err := range files.List(ctx, v.at()) {
		if err != nil {
			return false, err
		}
		if len(all) == mostSorted {
			return false, nil
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, order)
	if strings.HasPrefix(v.Sort.By, "-") {
		slices.Reverse(all)
	}
	page, _ := strconv.Atoi(q.Get("page"))
	last := max(0, (len(all)-1)/perPage)
	page = min(max(page, 0), last)
	from, to := page*perPage, min(len(all), (page+1)*perPage)
	v.Entries = all[from:to]
	if last > 0 {
		v.Pager.Shown = ui.Count(from+1) + "–" + ui.Count(to) + " of " + ui.Count(len(all))
	}
	v.Pager.NextWord, v.Pager.PrevWord = "Next", "Previous"
	if page < last {
		v.Pager.Next = v.href("files", "sort", v.Sort.By, "page", strconv.Itoa(page+1))
	}
	if page > 0 {
		v.Pager.Prev = v.href("files", "sort", v.Sort.By, "page", strconv.Itoa(page-1))
	}
	return true, nil
}
