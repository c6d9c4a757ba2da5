package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/fleet"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker"
)

// temporal tells the same of each run, and counts how often it is asked.
type temporal struct {
	mu     sync.Mutex
	status worker.Status
	err    error
	asked  int
}

func (f *temporal) Look(context.Context, string, string) (worker.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.status, f.err
}

func (f *temporal) set(status worker.Status, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.err = status, err
}

func (f *temporal) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func open(t *testing.T) (*webtest.Site, *temporal) {
	t.Helper()
	s, f := catalogtest.Store(t), &temporal{}
	return webtest.Only(t, s, func(now func() time.Time) []server.Route { return fleet.New(s, f, now).Routes() }), f
}

func add(t *testing.T, s *webtest.Site, name string) catalog.Host {
	t.Helper()
	host, err := ident.ParseHost(name)
	require.NoError(t, err)
	h, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: host, Address: "x.example", AddGroup: true})
	require.NoError(t, err)
	return h
}

// run records a backup that began so long ago; an empty state is one under way.
func run(t *testing.T, s *webtest.Site, h catalog.Host, id, state string, ago time.Duration) {
	t.Helper()
	r := catalog.RunStart{
		ID: id, WorkflowID: "backup/" + h.Ident().String(), HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup,
		Trigger: "schedule", Started: webtest.Start.Add(-ago),
	}
	require.NoError(t, s.Store.BeginRun(t.Context(), r))
	if state == "" {
		return
	}
	end := catalog.RunEnd{State: state, Finished: r.Started.Add(20 * time.Minute), Snapshot: "daily-202611230130"}
	if state == policy.StateFailed {
		end.Message, end.Remedy, end.Snapshot = "The host does not answer: <b>timed out</b>.", "Check `ping web1`.", ""
	}
	require.NoError(t, s.Store.FinishRun(t.Context(), r, end))
}

func TestFleetTellsWhatNeedsAPersonAndWhatToDo(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	run(t, s, add(t, s, "acme/good"), "good-1", policy.StateOK, 10*time.Hour)
	dead := add(t, s, "acme/dead")
	run(t, s, dead, "dead-1", policy.StateOK, 9*24*time.Hour)
	run(t, s, dead, "dead-2", policy.StateFailed, 2*time.Hour)
	add(t, s, "beta/new")
	waiting := add(t, s, "beta/waiting")
	run(t, s, waiting, "w-1", policy.StateOK, 20*time.Hour)
	require.NoError(t, s.Store.SetWaiting(t.Context(), catalog.RunStart{
		ID: "w-2", WorkflowID: "backup/beta/waiting", HostID: waiting.ID, Host: waiting.Ident(), Kind: catalog.KindBackup, Trigger: "schedule",
		Started: webtest.Start.Add(-time.Hour),
	}, "an upgrade is under way", webtest.Start.Add(30*time.Minute)))

	a := s.As("olga", "operator:acme", "viewer:beta").Get("/")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	items := strings.Split(a.Body, `<li class="list-group-item attention-item">`)
	require.Len(t, items, 4)
	for i, want := range []string{"acme/dead", "beta/new", "beta/waiting"} {
		require.Contains(t, items[i+1], ">"+want+"<", "the worst first")
	}
	for _, want := range []string{"&lt;b&gt;timed out", "<code>ping web1</code>", `href="/runs/dead-2"`, `name="do" value="backup"`} {
		require.Contains(t, items[1], want)
	}
	require.Contains(t, items[2], "It has never been backed up.")
	require.NotContains(t, items[2], "<button", "she may not operate beta")
	require.Contains(t, items[3], "an upgrade is under way")
	require.Contains(t, items[3], "in 30 min")
	require.Contains(t, a.Body, `aria-label="Tue 24 Nov: failed"`)
	require.Contains(t, a.Body, `href="/runs/good-1"`)

	one := s.As("vera", "viewer:beta").Get("/")
	require.NotContains(t, one.Body, "acme")
	require.Equal(t, http.StatusOK, s.SignIn("vera").Get("/fleet/attention").Status)
	require.NotContains(t, s.SignIn("vera").Get("/?group=acme").Body, "acme/")
}

func TestFleetSaysSoWhenNothingNeedsAPerson(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	admin := s.As("alice", "admin")
	require.Contains(t, admin.Get("/").Body, "No hosts yet")
	run(t, s, add(t, s, "acme/good"), "good-1", policy.StateOK, 10*time.Hour)
	body := admin.Get("/").Body
	require.Contains(t, body, "Nothing needs you")
	require.Contains(t, body, "Nothing is running.")
}

func TestRunningShowsProgressOnceForAllReaders(t *testing.T) {
	t.Parallel()
	s, f := open(t)
	h := add(t, s, "acme/web1")
	run(t, s, h, "r-1", policy.StateOK, 25*time.Hour)
	run(t, s, h, "r-2", "", 5*time.Minute)
	f.set(worker.Status{Activity: activities.PullName, Progress: &activities.Progress{
		Bytes: 3 << 30, Files: 1200, Percent: 50, TotalKnown: true, Rate: 10 << 20, Path: "/var/lib/<mysql>/ibdata1",
	}}, nil)
	alice, bob := s.As("alice", "admin"), s.As("bob", "viewer:acme")
	for _, body := range []string{alice.Get("/").Body, alice.Get("/fleet/running").Body, bob.Get("/fleet/running").Body} {
		for _, want := range []string{
			`href="/runs/r-2"`, "pull", "3.0 GiB", "1\u202f200 files", "10.0 MiB/s", "about 5m 7s left", "/var/lib/&lt;mysql&gt;/ibdata1",
			`value="50"`, `hx-trigger="every 5s"`,
		} {
			require.Contains(t, body, want)
		}
	}
	require.Equal(t, 1, f.count(), "a run is looked at once for all")
	s.Clock.Advance(4 * time.Second)
	bob.Get("/fleet/running")
	require.Equal(t, 2, f.count())

	// Without knowing the whole, what is left follows from the backups before.
	s.Clock.Advance(4 * time.Second)
	f.set(worker.Status{Activity: activities.PullName, Progress: &activities.Progress{Bytes: 1, Percent: 50, Rate: 10}}, nil)
	require.Contains(t, bob.Get("/fleet/running").Body, "about 14m 52s left")
	require.NotContains(t, s.As("eve", "viewer:beta").Get("/fleet/running").Body, "acme")
}

func TestRunningGoesOnWithoutTemporal(t *testing.T) {
	t.Parallel()
	s, f := open(t)
	run(t, s, add(t, s, "acme/web1"), "r-1", "", time.Minute)
	f.set(worker.Status{}, errors.New("connection refused"))
	admin := s.As("alice", "admin")
	for range 3 {
		body := admin.Get("/").Body
		require.Contains(t, body, "Temporal does not answer")
		require.Contains(t, body, `href="/runs/r-1"`)
	}
	require.Equal(t, 1, f.count(), "what does not answer is left alone for a while")
	s.Clock.Advance(time.Minute)
	f.set(worker.Status{Activity: activities.SnapshotName}, nil)
	body := admin.Get("/").Body
	require.NotContains(t, body, "Temporal does not answer")
	require.Contains(t, body, "snapshot")
}

func TestCalendarPagesThroughHosts(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for i := range 30 {
		add(t, s, "acme/host"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	admin := s.As("alice", "admin")
	first, second := admin.Get("/").Body, admin.Get("/?from=25").Body
	require.Contains(t, first, "1–25 of 30 hosts")
	require.Contains(t, first, `href="/?from=25#calendar"`)
	require.Contains(t, second, "26–30 of 30 hosts")
	require.Equal(t, http.StatusOK, admin.Get("/?from=-3").Status)
}
