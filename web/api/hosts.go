package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
)

func (a API) hosts() []endpoint {
	return []endpoint{
		{
			id: "listHosts", method: http.MethodGet, path: "/hosts", summary: "List hosts and how they are doing, by name",
			right: access.View, scope: server.Anything,
			query: []param{
				text("group", "only hosts of this group"), text("tag", "only hosts with this tag"),
				text("health", "only hosts that are ok, late, failing, never or paused"),
				number("limit", "at most so many"), text("after", "what the page before this one gave as next"),
			},
			answer: page[catalog.HostOverview]{}, handle: a.listHosts,
		},
		{
			id: "showHost", method: http.MethodGet, path: "/hosts/{group}/{host}",
			summary: "Show a host, its policy, and where each setting comes from",
			right:   access.View, scope: server.InGroup, answer: catalog.HostShown{}, handle: a.showHost,
		},
	}
}

func (a API) listHosts(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 100, most)
	if err != nil {
		return err
	}
	p := r.URL.Query()
	q := catalog.HostQuery{Visible: server.Sees(r), Group: p.Get("group"), Tag: p.Get("tag"), Limit: limit, Now: a.Now()}
	if h := p.Get("health"); h != "" {
		q.Health = []policy.Health{policy.Health(h)}
	}
	if after := p.Get("after"); after != "" {
		if q.After, err = ident.ParseHost(after); err != nil {
			return bad("after is not the next of a page of hosts: begin at the first.")
		}
	}
	if err := a.groupOf(r, q.Group); err != nil {
		return err
	}
	list, err := a.Catalog.HostPage(r.Context(), q)
	if err != nil {
		return err
	}
	items := []catalog.HostOverview{}
	for _, l := range list.Hosts {
		items = append(items, l.HostOverview)
	}
	var next *string
	if len(items) > 0 && len(items) < list.Total {
		next = new(items[len(items)-1].Host)
	}
	return answerPage(w, items, next)
}

// groupOf is the error of a list that is narrowed to a group that is not there,
// or not for the reader.
func (a API) groupOf(r *http.Request, group string) error {
	if group == "" {
		return nil
	}
	if !server.Sees(r).Group(group) {
		return server.ErrNotFound
	}
	_, err := a.Catalog.Group(r.Context(), group)
	return err
}

func (a API) showHost(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	shown, err := a.Catalog.HostShown(r.Context(), host, a.Now())
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, shown)
}
