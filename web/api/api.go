// Package api is the JSON API: the fields of the command line's --json, the
// rights of the pages, and a description that is made of what makes the routes.
package api

import (
	"context"
	"slices"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/worker/operate"
	"planb/worker/schedules"
	"planb/workflows"
)

// Files finds the data services; *readers.Readers is one.
type Files interface {
	Of(ctx context.Context, h catalog.Host, subject string) (*dataplane.Client, error)
	Log(ctx context.Context, run catalog.Run, subject string, offset int64, wait time.Duration) (dataplane.LogChunk, error)
}

// Operator changes things; operate.Operator is one.
type Operator interface {
	AddHost(ctx context.Context, n catalog.NewHost) error
	BeginDecide(ctx context.Context, in workflows.DecideInput) (operate.Begun, error)
	BeginProbe(ctx context.Context, in workflows.ProbeInput) (operate.Begun, error)
	BeginRemove(ctx context.Context, host ident.Host, purge bool, actor string) (operate.Begun, error)
	BeginRename(ctx context.Context, host, to ident.Host, actor string) (operate.Begun, error)
	BackUp(ctx context.Context, host ident.Host, how operate.How) (run string, err error)
	Cancel(ctx context.Context, r catalog.Run) error
	ChangeSnapshot(ctx context.Context, in workflows.ChangeSnapshotInput) error
	EditGroup(ctx context.Context, name string, e catalog.GroupEdit) error
	EditHost(ctx context.Context, host ident.Host, e catalog.HostEdit) error
	EditPolicy(ctx context.Context, change func(*policy.Settings) error) error
	ForgetJumpHostKeys(ctx context.Context, host ident.Host) error
	LikeHost(ctx context.Context, from ident.Host) (catalog.NewHost, error)
	Outcome(ctx context.Context, b operate.Begun, out any) (operate.Outcome, error)
	RenameGroup(ctx context.Context, name, to string) error
	SetEnabled(ctx context.Context, host ident.Host, enabled bool, reason string) error
	Differences(ctx context.Context) ([]schedules.Change, error)
	Prune(ctx context.Context, in workflows.PruneInput) (workflows.PruneOutcome, error)
	Restore(ctx context.Context, in workflows.RestoreInput) (run string, err error)
	Schedules(ctx context.Context, hosts []catalog.HostPolicy) ([]operate.Schedule, error)
	Stale(ctx context.Context) ([]operate.StaleDataset, error)
	Sync(ctx context.Context) ([]schedules.Change, error)
	Verify(ctx context.Context, in workflows.VerifyInput) (run string, err error)
}

// API is all endpoints.
type API struct {
	Catalog  *catalog.Store
	Operator Operator
	// Passwords makes the hashes of those that are set.
	Passwords *access.Passwords
	Files     Files
	// RestoreDir is the directory of storage servers below which everybody
	// restores but the admins of all groups.
	RestoreDir string
	Version    string
	Now        func() time.Time
}

// Routes are their lines of the table.
func (a API) Routes() []server.Route {
	var table []server.Route
	for _, e := range a.endpoints() {
		table = append(table, e.route())
	}
	return append(table, a.descriptionRoute())
}

func (a API) endpoints() []endpoint {
	return slices.Concat(a.hosts(), a.changes(), a.hostLife(), a.follows(), a.groups(), a.groupChanges(), a.policies(),
		a.runs(), a.snapshots(), a.files(), a.storages(), a.work(), a.fleet(), a.notices(), a.users(), a.tokens())
}
