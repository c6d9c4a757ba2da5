package api

import (
	"net/http"
	"strconv"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
)

func (a API) notices() []endpoint {
	return []endpoint{{
		id: "listNotices", method: http.MethodGet, right: access.View, path: "/notices", scope: server.Anything,
		summary: "List what was told and to whom, the newest first; of storages and workers to who sees everything",
		query: []param{
			text("host", "only of this host, as group/name"), text("group", "only of hosts of this group"), text("kind", "only of this kind, such as late"),
			text("open", "yes for what still lasts"), text("undelivered", "yes for what somebody was not told, or not yet"),
			number("limit", "at most so many"), text("after", "what the page before this one gave as next"),
		},
		answer: page[catalog.NoticeLine]{}, handle: a.listNotices,
	}}
}

func (a API) listNotices(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 100, most)
	if err != nil {
		return err
	}
	p := r.URL.Query()
	q := catalog.NoticeQuery{Visible: server.Sees(r), Host: p.Get("host"), Group: p.Get("group"), Kind: p.Get("kind"), Limit: limit}
	for name, into := range map[string]*bool{"open": &q.Open, "undelivered": &q.Undelivered} {
		switch p.Get(name) {
		case "yes":
			*into = true
		case "":
		default:
			return bad(name + " is yes, or left out.")
		}
	}
	if after := p.Get("after"); after != "" {
		if q.Before, err = strconv.ParseInt(after, 10, 64); err != nil {
			return bad("after is what the page before this one gave as next.")
		}
	}
	list, err := a.Catalog.Notices(r.Context(), q)
	if err != nil {
		return err
	}
	if len(list.Notices) == 0 && q.Before == 0 {
		if err := a.isThere(r, ident.Host{}, q.Group); err != nil {
			return err
		}
	}
	var next *string
	if list.Next != 0 {
		next = new(strconv.FormatInt(list.Next, 10))
	}
	return answerPage(w, list.Notices, next)
}
