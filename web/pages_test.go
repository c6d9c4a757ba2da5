package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web"
	"planb/web/server"
	"planb/web/static"
	"planb/web/webtest"
)

const snapshot = "daily-202611230130"

// asked for are what pages have to be told that show nothing without.
var askedFor = map[string]string{
	"/api/v1/hosts/{group}/{host}/follow":                       "?workflow_id=probe/acme/web1&run=" + run,
	"/api/v1/hosts/{group}/{host}/find":                         "?pattern=hosts",
	"/api/v1/hosts/{group}/{host}/history":                      "?path=/etc/hosts",
	"/api/v1/hosts/{group}/{host}/snapshots/{snapshot}/archive": "?path=/etc",
	"/hosts/{group}/{host}/files/archive":                       "?snap=" + snapshot + "&format=tar&path=/etc",
	"/hosts/{group}/{host}/files/compare":                       "?from=" + snapshot + "&to=" + snapshot + "&path=/etc/hosts",
	"/hosts/{group}/{host}/files/download":                      "?snap=" + snapshot + "&path=/etc/hosts",
	"/hosts/{group}/{host}/files/image":                         "?snap=" + snapshot + "&path=/etc/hosts",
	"/hosts/{group}/{host}/files/text":                          "?snap=" + snapshot + "&path=/etc/hosts",
	"/hosts/{group}/{host}/diff":                                "?from=" + snapshot,
	"/reports/months":                                           "?group=acme&month=2026-10",
	"/runs/{run}/log/more":                                      "?offset=0",
	"/storages/keep":                                            "?dataset=store1:tank/BACKUP/acme/gone",
}

// elsewhere are the pages that ask Temporal or a storage server, neither of which
// answers in these tests: they say so.
var elsewhere = regexp.MustCompile(`/schedule/check$|^/api/v1/schedules|^/api/v1/storages/stale$|/follow$|/runs/\{run\}/log$` +
	`|^/hosts/\{group\}/\{host\}/(files|find|diff|restore/)|^/api/v1/hosts/\{group\}/\{host\}/(find|history|snapshots/\{snapshot\}/)`)

// page gives where a page of the fleet of furnished is.
func page(pattern string) string {
	if pattern == static.Prefix {
		return static.URL("planb.css")
	}
	path := strings.NewReplacer(
		"{snap}", snapshot, "{snapshot}", snapshot, "{server}", "store1", "{dataset...}", "tank/BACKUP", "{setting}", "window",
	).Replace(pattern)
	path = strings.ReplaceAll(path, "/restore/{run}", "/restore/"+restore)
	return address(path) + askedFor[pattern]
}

// restore is the id of a run that brought files back.
const restore = "00000000-0000-4000-8000-000000000002"

// furnished is peopled with what else pages are about.
func furnished(t *testing.T) *webtest.Site {
	t.Helper()
	s := peopled(t)
	ctx, web1 := t.Context(), ident.Host{Group: "acme", Name: "web1"}
	require.NoError(t, s.Store.UpsertStorage(ctx, catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", SeenAt: s.Clock.Now()}))
	h, err := s.Store.Host(ctx, web1)
	require.NoError(t, err)
	_, err = s.Store.ClaimDataset(ctx, h.ID)
	require.NoError(t, err)
	require.NoError(t, s.Store.MarkDatasetMade(ctx, h.ID))
	require.NoError(t, s.Store.ReplaceSnapshots(ctx, h.ID, []catalog.Snapshot{
		{Name: snapshot, Created: s.Clock.Now().AddDate(0, 0, -1), State: policy.StateOK, Tiers: []string{"daily"}},
	}, s.Clock.Now()))
	require.NoError(t, s.Store.FinishRun(ctx, catalog.RunStart{
		ID: restore, WorkflowID: "restore/acme/web1/1", HostID: h.ID, Host: web1, Kind: catalog.KindRestore, Trigger: "manual", Started: s.Clock.Now(),
	}, catalog.RunEnd{State: policy.StateOK, Finished: s.Clock.Now(), Snapshot: snapshot}))
	return s
}

// Every page is there for an admin, and for a viewer of one group where its right
// and its scope say so; what changes something is for no viewer. A new route is
// looked at by itself.
func TestEveryPageIsThereForWhoMayHaveIt(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	admin, vera, nobody := s.As("alice", "admin"), s.As("vera", "viewer:acme"), s.Reader()
	viewer := access.Principal{UserID: "vera", Name: "vera", Grants: s.Grants("viewer:acme")}
	for _, route := range web.Table(s.Options) {
		name, path := route.Method+" "+route.Pattern, page(route.Pattern)
		may := route.IsOpen() || viewer.May(route.Right, scopeOf(t, route))
		if route.Changes() {
			if route.IsOpen() || route.Right == access.Own {
				continue
			}
			require.False(t, may, name)
			require.Equal(t, http.StatusForbidden, vera.Do(route.Method, path, url.Values{}).Status, name)
			continue
		}

		a := admin.Get(path)
		switch {
		case elsewhere.MatchString(route.Pattern):
			require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s: %s", name, a.Body)
		case a.Status == http.StatusSeeOther:
			require.False(t, strings.HasPrefix(a.Location, "/sign-in"), name)
		default:
			require.Equal(t, http.StatusOK, a.Status, "%s: %s", name, a.Body)
			require.NotEmpty(t, a.Body, name)
		}
		if v := vera.Get(path); may {
			require.Equal(t, a.Status, v.Status, "%s: %s", name, v.Body)
		} else {
			require.Equal(t, http.StatusForbidden, v.Status, name)
		}
		switch n := nobody.Get(path); {
		case route.IsOpen():
			require.Equal(t, http.StatusOK, n.Status, name)
		case strings.HasPrefix(path, "/api/") || path == server.MetricsPath:
			require.Equal(t, http.StatusUnauthorized, n.Status, name)
		default:
			require.Equal(t, "/sign-in", strings.SplitN(n.Location, "?", 2)[0], name)
		}
	}
}

// scopeOf gives what the right of a route is asked for on its page.
func scopeOf(t *testing.T, route server.Route) access.Scope {
	t.Helper()
	if route.Scope == nil {
		return access.Everything()
	}
	r, err := http.NewRequestWithContext(t.Context(), route.Method, page(route.Pattern), nil)
	require.NoError(t, err)
	r.SetPathValue("group", "acme")
	r.SetPathValue("host", "web1")
	r.SetPathValue("run", run)
	r.SetPathValue("id", "1")
	scope, err := route.Scope(r)
	require.NoError(t, err, route.Pattern)
	return scope
}

// A storage server without a data service is one that cannot be asked, and no
// fault of PlanB.
func TestLogOfAServerWithoutDataService(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	a := s.As("alice", "admin").Get("/api/v1/runs/" + run + "/log")
	require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Body)
	require.Contains(t, a.Body, "server store1 has not said where its data service answers: start planb worker there")
}
