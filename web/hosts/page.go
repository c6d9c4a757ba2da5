package hosts

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

// PageCatalog is what the pages of one host ask of *catalog.Store.
type PageCatalog interface {
	EffectiveWith(ctx context.Context, group string, own policy.Settings) (policy.Effective, error)
	Groups(ctx context.Context) ([]catalog.Group, error)
	Host(ctx context.Context, host ident.Host) (catalog.Host, error)
	HostOverview(ctx context.Context, host ident.Host, now time.Time) (catalog.HostOverview, error)
	HostPolicy(ctx context.Context, host ident.Host) (catalog.HostPolicy, error)
	RunPage(ctx context.Context, q catalog.RunQuery) (catalog.RunList, error)
	Settings(ctx context.Context, sc catalog.Scope) (policy.Settings, error)
	Snapshots(ctx context.Context, host ident.Host) ([]catalog.Snapshot, error)
	Storages(ctx context.Context) ([]catalog.Storage, error)
}

// PageOperator does what is asked for on them; operate.Operator is one.
type PageOperator interface {
	AddHost(ctx context.Context, n catalog.NewHost) error
	BackUp(ctx context.Context, host ident.Host, how operate.How) (run string, err error)
	ChangeSnapshot(ctx context.Context, in workflows.ChangeSnapshotInput) error
	Decide(ctx context.Context, in workflows.DecideInput) (activities.DecideResult, error)
	EditHost(ctx context.Context, host ident.Host, e catalog.HostEdit) error
	LikeHost(ctx context.Context, from ident.Host) (catalog.NewHost, error)
	Look(ctx context.Context, workflowID, run string) (worker.Status, error)
	Probe(ctx context.Context, in workflows.ProbeInput) (activities.ProbeReport, error)
	Prune(ctx context.Context, in workflows.PruneInput) (workflows.PruneOutcome, error)
	Remove(ctx context.Context, host ident.Host, purge bool, actor string) (workflows.DeleteResult, error)
	Rename(ctx context.Context, host, to ident.Host, actor string) error
	Verify(ctx context.Context, in workflows.VerifyInput) (run string, err error)
}

// Readers gives the data service that has the files of a host; *readers.Readers
// does.
type Readers interface {
	Of(ctx context.Context, h catalog.Host, subject string) (*dataplane.Client, error)
}

// Page is the pages of one host: how it is doing, what can be done with it, and
// the form that changes it.
type Page struct {
	Catalog  PageCatalog
	Operator PageOperator
	Readers  Readers
	Now      func() time.Time
	Log      *slog.Logger
}

// Routes are their lines of the table. The form of a new host names its group in
// a field, which is then held against the rights of whoever sent it.
func (p Page) Routes() []server.Route {
	of := func(method string, right access.Right, rest string, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: "/hosts/{group}/{host}" + rest, Right: right, Scope: server.InGroup, Handle: h}
	}
	const get, post = http.MethodGet, http.MethodPost
	return []server.Route{
		{Method: get, Pattern: "/hosts/new", Right: access.Manage, Scope: server.Anything, Handle: p.askNew},
		{Method: post, Pattern: "/hosts/new", Right: access.Manage, Scope: server.Anything, Handle: p.add},
		of(get, access.Manage, "/edit", p.askEdit),
		of(post, access.Manage, "/edit", p.edit),
		of(get, access.View, "", p.show),
		of(get, access.View, "/live", p.live),
		of(get, access.View, "/sizes", p.sizes),
		of(get, access.Operate, "/backup", p.askKeep),
		of(post, access.Operate, "/backup", p.backUp),
		of(post, access.Operate, "/verify", p.verify),
		of(get, access.Operate, "/probe", p.askProbe),
		of(post, access.Operate, "/probe", p.probe),
		of(get, access.Operate, "/decide", p.askDecide),
		of(post, access.Operate, "/decide", p.decide),
		of(get, access.Manage, "/prune", p.askPrune),
		of(post, access.Manage, "/prune", p.prune),
		of(get, access.Manage, "/rename", p.askRename),
		of(post, access.Manage, "/rename", p.rename),
		of(get, access.Manage, "/remove", p.askRemove),
		of(post, access.Manage, "/remove", p.remove),
		of(get, access.View, "/snapshots/{snap}", p.snapshot),
		of(post, access.Operate, "/snapshots/{snap}/hold", p.hold),
		of(post, access.Manage, "/snapshots/{snap}/release", p.release),
		of(get, access.Manage, "/snapshots/{snap}/remove", p.askRemoveSnapshot),
		of(post, access.Manage, "/snapshots/{snap}/remove", p.removeSnapshot),
	}
}

// base is the address of a host's page.
func base(h ident.Host) string { return "/hosts/" + h.String() }

// found gives the host that the path names.
func (p Page) found(r *http.Request) (catalog.Host, error) {
	host, err := server.HostOf(r)
	if err != nil {
		return catalog.Host{}, err
	}
	return p.Catalog.Host(r.Context(), host)
}
