// Package storages shows the storages: how much room there is and for how long,
// how their pools are, whose datasets are in them, and the datasets that no host
// claims.
package storages

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker/operate"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	StorageRooms(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.StorageRoom, error)
	HostPage(ctx context.Context, q catalog.HostQuery) (catalog.HostList, error)
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Stale(ctx context.Context) ([]operate.StaleDataset, error)
	Keep(ctx context.Context, dataset string) error
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Now      func() time.Time
}

// Routes are their lines of the table. Datasets that no host claims are of no
// group, so that they take rights over all.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/storages", Right: access.View, Scope: server.Anything, Handle: p.list},
		{Method: http.MethodGet, Pattern: "/storages/stale", Right: access.View, Handle: p.stale},
		{Method: http.MethodGet, Pattern: "/storages/keep", Right: access.Manage, Handle: p.askKeep},
		{Method: http.MethodPost, Pattern: "/storages/keep", Right: access.Manage, Handle: p.keep},
		{Method: http.MethodGet, Pattern: "/storages/{server}/{dataset...}", Right: access.View, Scope: server.Anything, Handle: p.show},
	}
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	rooms, err := p.Catalog.StorageRooms(r.Context(), server.Sees(r), p.Now())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(rooms))
}

// perPage is how many datasets a page of a storage lists.
const perPage = 50

// storageView is the page of one storage.
type storageView struct {
	Room  catalog.StorageRoom
	Hosts catalog.HostList
	Page  int
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	rooms, err := p.Catalog.StorageRooms(r.Context(), server.Sees(r), p.Now())
	if err != nil {
		return err
	}
	v := storageView{Page: max(1, number(r.URL.Query().Get("page")))}
	found := false
	for _, room := range rooms {
		if room.Server == r.PathValue("server") && room.Dataset == r.PathValue("dataset") {
			v.Room, found = room, true
		}
	}
	if !found {
		return server.ErrNotFound
	}
	v.Hosts, err = p.Catalog.HostPage(r.Context(), catalog.HostQuery{
		Visible: server.Sees(r), Storage: v.Room.Server + ":" + v.Room.Dataset, Sort: "used", Descending: true,
		Limit: perPage, Offset: (v.Page - 1) * perPage, Now: p.Now(),
	})
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, showPage(v))
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > 1_000_000 {
		return 0
	}
	return n
}

// stale asks the storage servers now. What could be learned is shown also when
// some of them do not answer.
func (p Pages) stale(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Operator.Stale(r.Context())
	failed := ""
	if err != nil {
		if found == nil {
			return err
		}
		failed = err.Error()
	}
	return server.Render(w, r, http.StatusOK, stalePage(found, failed))
}

func (p Pages) askKeep(w http.ResponseWriter, r *http.Request) error {
	dataset := r.URL.Query().Get("dataset")
	if dataset == "" {
		return server.ErrNotFound
	}
	return server.Render(w, r, http.StatusOK, keepPage(dataset, ""))
}

func (p Pages) keep(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	dataset := r.PostForm.Get("dataset")
	if dataset == "" {
		return server.Invalid("No dataset was named.")
	}
	if err := p.Operator.Keep(r.Context(), dataset); err != nil {
		return err
	}
	return server.Redirect(w, r, "/storages/stale", ui.Good, dataset+" is kept for good.")
}
