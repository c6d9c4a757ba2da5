// Package restore is the form that brings files of a snapshot back, and the
// preview of what that would do.
package restore

import (
	"context"
	"net/http"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/web/server"
	"planb/workflows"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Host(ctx context.Context, name ident.Host) (catalog.Host, error)
	Run(ctx context.Context, prefix string) (catalog.Run, error)
	Snapshots(ctx context.Context, host ident.Host) ([]catalog.Snapshot, error)
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Restore(ctx context.Context, in workflows.RestoreInput) (run string, err error)
	RestoreAsked(ctx context.Context, r catalog.Run) (workflows.RestoreInput, error)
}

// Files is what they ask of *readers.Readers.
type Files interface {
	Of(ctx context.Context, h catalog.Host, subject string) (*dataplane.Client, error)
	Log(ctx context.Context, run catalog.Run, subject string, offset int64, wait time.Duration) (dataplane.LogChunk, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Files    Files
	// Dir is the directory of storage servers below which everybody restores
	// but the admins of all groups, who name any.
	Dir string
	Now func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	line := func(method, path string, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: "/hosts/{group}/{host}/restore" + path, Right: access.Restore, Scope: server.InGroup, Handle: h}
	}
	return []server.Route{
		line(http.MethodGet, "", p.ask),
		line(http.MethodPost, "", p.begin),
		line(http.MethodGet, "/{run}", p.preview),
		line(http.MethodPost, "/{run}", p.carryOut),
	}
}

// runOf finds the restore that a path names; one of another host is none.
func (p Pages) runOf(r *http.Request) (host ident.Host, run catalog.Run, err error) {
	if host, err = server.HostOf(r); err != nil {
		return host, run, err
	}
	run, err = p.Catalog.Run(r.Context(), r.PathValue("run"))
	switch {
	case err != nil:
		return host, run, err
	case run.Host != host.String(), run.Kind != catalog.KindRestore:
		return host, run, server.ErrNotFound
	}
	return host, run, nil
}
