// Package fleet is the first page: how all hosts are doing.
package fleet

import (
	"context"
	"net/http"
	"slices"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
)

// Catalog is what the page asks of *catalog.Store.
type Catalog interface {
	Overview(ctx context.Context, f catalog.HostFilter, now time.Time) ([]catalog.HostOverview, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog Catalog
	Now     func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/{$}", Right: access.View, Scope: server.Anything, Handle: p.fleet},
	}
}

func (p Pages) fleet(w http.ResponseWriter, r *http.Request) error {
	hosts, err := p.Catalog.Overview(r.Context(), catalog.HostFilter{}, p.Now())
	if err != nil {
		return err
	}
	if all, groups := server.Who(r).Groups(access.View); !all {
		hosts = slices.DeleteFunc(hosts, func(h catalog.HostOverview) bool { return !slices.Contains(groups, h.Group) })
	}
	return server.Render(w, r, http.StatusOK, page(hosts))
}
