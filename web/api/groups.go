package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
)

func (a API) groups() []endpoint {
	return []endpoint{
		{
			id: "listGroups", method: http.MethodGet, path: "/groups", summary: "List groups, all on one page",
			right: access.View, scope: server.Anything, answer: page[catalog.Group]{}, handle: a.listGroups,
		},
		{
			id: "showGroup", method: http.MethodGet, path: "/groups/{group}", summary: "Show a group and what its hosts inherit",
			right: access.View, scope: server.InGroup, answer: catalog.GroupShown{}, handle: a.showGroup,
		},
	}
}

func (a API) listGroups(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Catalog.Groups(r.Context())
	if err != nil {
		return err
	}
	seen := []catalog.Group{}
	for _, g := range all {
		if server.Sees(r).Group(g.Name) {
			seen = append(seen, g)
		}
	}
	return answerPage(w, seen, nil)
}

func (a API) showGroup(w http.ResponseWriter, r *http.Request) error {
	shown, err := a.Catalog.GroupShown(r.Context(), r.PathValue("group"))
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, shown)
}

func (a API) storages() []endpoint {
	return []endpoint{{
		id: "listStorages", method: http.MethodGet, path: "/storages", summary: "List storages and how full they are, all on one page",
		right: access.View, scope: server.Anything, answer: page[catalog.StorageRoom]{}, handle: a.listStorages,
	}}
}

func (a API) listStorages(w http.ResponseWriter, r *http.Request) error {
	rooms, err := a.Catalog.StorageRooms(r.Context(), server.Sees(r), a.Now())
	if err != nil {
		return err
	}
	return answerPage(w, rooms, nil)
}
