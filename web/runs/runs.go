// Package runs shows runs: the list of them, and each with its steps, its log
// and what to do about it.
package runs

import (
	"context"
	"net/http"
	"strings"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/web/server"
	"planb/worker"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Run(ctx context.Context, prefix string) (catalog.Run, error)
	RunPage(ctx context.Context, q catalog.RunQuery) (catalog.RunList, error)
	Groups(ctx context.Context) ([]catalog.Group, error)
	Verifications(ctx context.Context, f catalog.VerificationFilter) ([]catalog.Verification, error)
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Look(ctx context.Context, workflowID, run string) (worker.Status, error)
	Story(ctx context.Context, r catalog.Run) ([]worker.Step, error)
	Cancel(ctx context.Context, r catalog.Run) error
	EndWait(ctx context.Context, r catalog.Run) error
}

// Logs is what they ask of *readers.Readers.
type Logs interface {
	Log(ctx context.Context, run catalog.Run, subject string, offset int64, wait time.Duration) (dataplane.LogChunk, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Logs     Logs
	// TemporalUI is the address of Temporal's own pages, or empty; Namespace is
	// PlanB's there.
	TemporalUI, Namespace string
	Now                   func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	get := func(pattern string, h server.HandlerFunc) server.Route {
		return server.Route{Method: http.MethodGet, Pattern: pattern, Right: access.View, Scope: p.ofRun, Handle: h}
	}
	operate := func(method, pattern string, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: pattern, Right: access.Operate, Scope: p.ofRun, Handle: h}
	}
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/runs", Right: access.View, Scope: server.Anything, Handle: p.list},
		get("/runs/{run}", p.show),
		get("/runs/{run}/live", p.live),
		get("/runs/{run}/log", p.wholeLog),
		get("/runs/{run}/log/more", p.moreLog),
		operate(http.MethodGet, "/runs/{run}/cancel", p.askCancel),
		operate(http.MethodPost, "/runs/{run}/cancel", p.cancel),
		operate(http.MethodPost, "/runs/{run}/now", p.now),
	}
}

// run finds the run that a path names.
func (p Pages) run(r *http.Request) (catalog.Run, error) {
	run, err := p.Catalog.Run(r.Context(), r.PathValue("run"))
	if catalog.IsNotFound(err) || catalog.IsInvalid(err) {
		return run, server.ErrNotFound
	}
	return run, err
}

// ofRun is the scope of a path with {run}: the group of its host.
func (p Pages) ofRun(r *http.Request) (access.Scope, error) {
	run, err := p.run(r)
	if err != nil {
		return access.Scope{}, err
	}
	group, _, _ := strings.Cut(run.Host, "/")
	return access.OfGroup(group), nil
}
