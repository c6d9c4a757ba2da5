package web_test

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/web"
	"planb/web/webtest"
)

// mostForAPage is how long a page may take at the median, over HTTP, with 5,000
// hosts and 500,000 runs on two cores.
const mostForAPage = 100 * time.Millisecond

// asked are the lists in the ways in which people ask for them, beside each
// page without a placeholder.
var asked = []string{
	"/hosts?sort=health", "/hosts?sort=used&page=100", "/hosts?health=failing&sort=last_good", "/hosts?q=WEB+123", "/hosts?group=group07&tag=db",
	"/runs?state=failed", "/runs?group=group03&state=failed", "/runs?host=group07%2Fweb0007", "/runs?kind=restore",
	"/audit?subject=group07%2Fweb0007", "/audit?actor=nobody",
	"/billing?month=2026-10", "/billing/group07",
	"/api/v1/hosts?health=failing", "/api/v1/hosts/group07/web0007/snapshots", "/api/v1/runs?state=failed", "/api/v1/usage?month=2026-10",
	"/api/v1/verifications?group=group07",
	"/groups/group07", "/hosts/group07/web0007", "/storages/store1/tank/BACKUP", "/policies/window",
}

// notLists are the routes without a placeholder that show nothing of the catalog,
// or nothing by themselves, or all of it.
var notLists = map[string]bool{
	"/healthz": true, "/static/": true, "/sign-in": true, "/hosts/act": true, "/hosts/disable": true, "/storages/keep": true,
	"/schedule/check": true, // which is about Temporal's schedules
	"/metrics":        true, // which tells of every host at once, to programs
	// Which give every sample of a month, and tell of every host, as mails do.
	"/billing.csv": true, "/reports/digest/document": true, "/reports/months": true,
	// Which ask Temporal and the storage servers.
	"/storages/stale": true, "/api/v1/storages/stale": true, "/api/v1/schedules": true, "/api/v1/schedules/differences": true,
	"/api/v1/openapi.json": true,
}

// largeSite gives the pages of a large fleet, an admin's browser, and the paths
// of all lists: a new page without a placeholder is one of them by itself.
func largeSite(t testing.TB) (*webtest.Reader, []string) {
	t.Helper()
	began := time.Now()
	s := webtest.On(t, catalogtest.Seed(t, catalogtest.Large(webtest.Start)))
	t.Logf("filled in %v", time.Since(began).Round(time.Millisecond))
	paths := slices.Clone(asked)
	for _, route := range web.Table(s.Options) {
		path := strings.TrimSuffix(route.Pattern, "{$}")
		if !notLists[path] && route.Method == http.MethodGet && !strings.Contains(path, "{") {
			paths = append(paths, path)
		}
	}
	list, err := s.Store.RunPage(t.Context(), catalog.RunQuery{Visible: catalog.Everything(), Limit: 1})
	require.NoError(t, err)
	paths = append(paths, "/runs/"+list.Runs[0].ID)
	slices.Sort(paths)
	return s.As("alice", "admin"), paths
}

func TestPagesOfALargeFleetAreFast(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a catalog with 500,000 runs")
	}
	reader, paths := largeSite(t)
	for _, path := range paths {
		// What else the machine does at the moment is not the pages' time: the best
		// round of a few counts, with as much more time as everything takes then.
		var median, most time.Duration
		for range 6 {
			median = medianOf(9, func() { get(t, reader, path) })
			most = time.Duration(float64(mostForAPage) * busy(t))
			if median < most {
				break
			}
		}
		t.Logf("%-45s %8v of %v", path, median.Round(10*time.Microsecond), most.Round(time.Millisecond))
		if median >= most {
			t.Errorf("%s takes %v at the median; no more than %v is right", path, median.Round(time.Millisecond), most)
		}
	}
}

// busy tells how many times longer than its share of a processor work takes at
// the moment: 1 where nothing else runs.
func busy(t *testing.T) float64 {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	spent := func() time.Duration {
		var at unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at))
		return time.Duration(at.Nano())
	}
	began, before := time.Now(), spent()
	for spent()-before < 50*time.Millisecond {
	}
	return max(1, float64(time.Since(began))/float64(spent()-before))
}

func BenchmarkPagesOfALargeFleet(b *testing.B) {
	reader, paths := largeSite(b)
	for _, path := range paths {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				get(b, reader, path)
			}
		})
	}
}

func get(t testing.TB, reader *webtest.Reader, path string) {
	t.Helper()
	a := reader.Get(path)
	require.Equal(t, http.StatusOK, a.Status, "%s %s", path, a.Location)
	require.NotEmpty(t, a.Body, path)
}

// medianOf gives the median time that n calls of ask take.
func medianOf(n int, ask func()) time.Duration {
	var took []time.Duration
	for range n {
		began := time.Now()
		ask()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[n/2]
}
