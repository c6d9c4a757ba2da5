// Package notices lists what was told, to whom, and whom it did not reach.
package notices

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
)

// Catalog is what the page asks of *catalog.Store.
type Catalog interface {
	Notices(ctx context.Context, q catalog.NoticeQuery) (catalog.NoticeList, error)
}

// Pages are the pages of this family.
type Pages struct{ Catalog Catalog }

// Routes are their lines of the table. Each sees the notices of hosts that they
// see; those of storages, workers and schedules who sees everything.
func (p Pages) Routes() []server.Route {
	return []server.Route{{Method: http.MethodGet, Pattern: "/notices", Right: access.View, Scope: server.Anything, Handle: p.list}}
}

// kinds are those that the list can be narrowed to.
var kinds = []string{
	catalog.NoticeFailed, catalog.NoticePartial, catalog.NoticeLate, catalog.NoticeSuspect, catalog.NoticeMismatch, catalog.NoticeLong,
	catalog.NoticeRecovered, catalog.NoticeFirstSuccess, catalog.NoticeEnabled, catalog.NoticeDisabled, catalog.NoticeGood,
}

// fleetKinds are those of what hosts stand on.
var fleetKinds = []string{
	catalog.NoticeSilent, catalog.NoticeDegraded, catalog.NoticeErrors, catalog.NoticeUnscrubbed, catalog.NoticeRoom, catalog.NoticeFilling,
	catalog.NoticeSchedules, catalog.NoticeBilling,
}

// listView is what the list shows.
type listView struct {
	catalog.NoticeList
	// Host, Kind, Open and Undelivered narrow it.
	Host, Kind        string
	Open, Undelivered bool
	before            int64
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := listView{Host: q.Get("host"), Kind: q.Get("kind"), Open: q.Get("open") != "", Undelivered: q.Get("undelivered") != ""}
	if text := q.Get("before"); text != "" {
		var err error
		if v.before, err = strconv.ParseInt(text, 10, 64); err != nil {
			return server.ErrNotFound
		}
	}
	var err error
	v.NoticeList, err = p.Catalog.Notices(r.Context(), catalog.NoticeQuery{
		Visible: server.Sees(r), Host: v.Host, Kind: v.Kind, Open: v.Open, Undelivered: v.Undelivered, Before: v.before,
	})
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(v))
}

func (v listView) narrowed() bool { return v.Host != "" || v.Kind != "" || v.Open || v.Undelivered }

// page gives the address of the page of what is older than before.
func (v listView) page(before int64) string {
	q := url.Values{}
	for name, value := range map[string]string{"host": v.Host, "kind": v.Kind} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, set := range map[string]bool{"open": v.Open, "undelivered": v.Undelivered} {
		if set {
			q.Set(name, "yes")
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if len(q) == 0 {
		return "/notices"
	}
	return "/notices?" + q.Encode()
}

// older is the address of the next page.
func (v listView) older() string {
	if v.Next == 0 {
		return ""
	}
	return v.page(v.Next)
}

// newest is the address of the first page, for all others.
func (v listView) newest() string {
	if v.before == 0 {
		return ""
	}
	return v.page(0)
}
