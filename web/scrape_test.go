package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/metrics"
	"planb/internal/policy"
	"planb/web"
	"planb/web/webtest"
)

// scraped are the values of one scrape: by metric, then by group/host, or by
// the values of other labels joined with spaces.
type scraped map[string]map[string]float64

func scrape(t *testing.T, r *webtest.Reader) scraped {
	t.Helper()
	a := r.Get("/metrics")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.Body))
	require.NoError(t, err)
	s := scraped{}
	for name, family := range families {
		if family.GetType() != dto.MetricType_GAUGE {
			continue
		}
		s[name] = map[string]float64{}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			s[name][strings.Join(labels, "/")] = m.GetGauge().GetValue()
		}
	}
	return s
}

// withToken gives a program with a token of those grants.
func withToken(t *testing.T, s *webtest.Site, name string, grants ...string) *webtest.Reader {
	t.Helper()
	secret, err := s.Store.AddToken(t.Context(), catalog.NewToken{
		Name: name, Grants: s.Grants(grants...), ExpiresAt: s.Clock.Now().AddDate(0, 3, 0),
	}, s.Clock.Now())
	require.NoError(t, err)
	r := s.Reader()
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

// A fleet with every state: what is scraped is what the catalog holds and what
// policy.HealthOf says, for as many hosts as there are, and fast.
func TestMetricsAreWhatTheCatalogHolds(t *testing.T) {
	t.Parallel()
	store := catalogtest.Seed(t, catalogtest.Fleet{Groups: 20, Hosts: 2000, Runs: 20_000, Snapshots: 5, Now: webtest.Start})
	s := webtest.New(t, func(o *web.Options) { o.Catalog = store })
	s.Store = store
	program := withToken(t, s, "prometheus", "viewer")
	program.Get("/metrics") // the first one also opens connections
	began := time.Now()
	program.Get("/metrics")
	took := time.Since(began)
	t.Logf("2000 hosts were scraped in %s", took)
	got := scrape(t, program)
	require.Less(t, took, 2*time.Second, "well under a second, but for a busy machine")

	want, err := store.Overview(t.Context(), catalog.HostFilter{}, webtest.Start)
	require.NoError(t, err)
	counts := map[policy.Health]float64{}
	for _, h := range want {
		counts[h.Health]++
		require.Equal(t, h.Health, metrics.Healths[int(got["planb_host_health"][h.Host])], h.Host)
		require.Equal(t, string(h.State), metrics.States[int(got["planb_host_last_run_state"][h.Host])], h.Host)
		age, known := got["planb_host_seconds_since_last_good"][h.Host]
		require.Equal(t, h.LastGood != nil, known, h.Host)
		if known {
			require.InDelta(t, webtest.Start.Sub(*h.LastGood).Seconds(), age, 0.001, h.Host)
		}
		require.InDelta(t, float64(*h.UsedBytes), got["planb_host_used_bytes"][h.Host], 0, h.Host)
		require.InDelta(t, float64(*h.ReferencedBytes), got["planb_host_referenced_bytes"][h.Host], 0, h.Host)
		suspect := got["planb_host_suspect"][h.Host] == 1
		require.Equal(t, h.SuspectSince != nil, suspect, h.Host)
		late := age > got["planb_host_late_after_seconds"][h.Host]
		if h.Health == policy.HealthOK || h.Health == policy.HealthLate {
			require.Equal(t, h.Health == policy.HealthLate, late, h.Host)
		}
	}
	require.Len(t, counts, 4, "%v", counts) // none is just late at this time
	for _, health := range metrics.Healths {
		require.InDelta(t, counts[health], got["planb_hosts"][string(health)], 0, health)
	}
	require.Len(t, got["planb_host_health"], 2000)
	require.InDelta(t, 40e12, got["planb_storage_free_bytes"]["store1/tank/BACKUP"], 0)
	require.InDelta(t, 1, got["planb_catalog_up"][""], 0)
	require.Contains(t, got, "go_goroutines")
}

func TestFailedBackupMakesNoHostLookFresh(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	h, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: ident.Host{Group: "acme", Name: "web1"}, Address: "a.example", AddGroup: true})
	require.NoError(t, err)
	run := func(id, state, snapshot string, suspect bool) {
		t.Helper()
		start := catalog.RunStart{
			ID: id, WorkflowID: "backup/acme/web1", HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup,
			Trigger: "schedule", Started: s.Clock.Now().Add(-time.Minute),
		}
		end := catalog.RunEnd{State: state, Finished: s.Clock.Now(), Snapshot: snapshot, Suspect: suspect}
		if snapshot != "" {
			end.SnapshotCreated = &end.Finished
		}
		require.NoError(t, s.Store.FinishRun(t.Context(), start, end))
	}
	program := withToken(t, s, "prometheus", "viewer")
	run("r1", policy.StateFailed, "", false)
	got := scrape(t, program)
	require.NotContains(t, got["planb_host_seconds_since_last_good"], "acme/web1")
	require.InDelta(t, 3, got["planb_host_health"]["acme/web1"], 0)
	require.InDelta(t, 4, got["planb_host_last_run_state"]["acme/web1"], 0)
	require.InDelta(t, 60, got["planb_host_last_duration_seconds"]["acme/web1"], 0.001)

	good := s.Clock.Now()
	run("r2", policy.StateOK, "daily-202611241200", false)
	require.InDelta(t, 0, scrape(t, program)["planb_host_seconds_since_last_good"]["acme/web1"], 0.001)
	for i, end := range []struct {
		state, snapshot string
		suspect         bool
	}{
		{policy.StateFailed, "", false},
		{policy.StateCancelled, "", false},
		{policy.StateSkipped, "", false},
		{policy.StatePartial, "daily-202611260000", false},
		{policy.StateOK, "daily-202611261200", true},
	} {
		s.Clock.Advance(12 * time.Hour)
		run("later"+string(rune('a'+i)), end.state, end.snapshot, end.suspect)
		got = scrape(t, program)
		require.InDelta(t, s.Clock.Now().Sub(good).Seconds(), got["planb_host_seconds_since_last_good"]["acme/web1"], 0.001, end.state)
	}
	require.InDelta(t, 2, got["planb_host_health"]["acme/web1"], 0)
}

func TestMetricsAreForThoseWhoMayView(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	for _, name := range []string{"acme/web1", "umbrella/db1"} {
		host, err := ident.ParseHost(name)
		require.NoError(t, err)
		_, err = s.Store.AddHost(t.Context(), catalog.NewHost{Host: host, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	a := s.Reader().Get("/metrics")
	require.Equal(t, http.StatusUnauthorized, a.Status)
	require.NotContains(t, a.Body, "acme")

	all := scrape(t, withToken(t, s, "all", "viewer"))
	require.ElementsMatch(t, []string{"acme/web1", "umbrella/db1"}, slices.Collect(maps.Keys(all["planb_host_health"])))
	one := withToken(t, s, "one", "viewer:acme")
	got := scrape(t, one)
	require.Equal(t, map[string]float64{"acme/web1": 3}, got["planb_host_health"])
	require.InDelta(t, 1, got["planb_hosts"]["never"], 0)
	require.NotContains(t, got, "go_goroutines", "the server is everybody's")

	h, err := s.Store.Host(t.Context(), ident.Host{Group: "acme", Name: "web1"})
	require.NoError(t, err)
	_, err = s.Store.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	require.Empty(t, scrape(t, one)["planb_host_health"], "a host that is removed is gone")
}

func TestTrustedAddressesNeedNoToken(t *testing.T) {
	t.Parallel()
	s := webtest.New(t, func(o *web.Options) { o.MetricsAllow = "127.0.0.1, ::1" })
	r := s.Reader()
	require.Contains(t, scrape(t, r), "go_goroutines")
	require.Equal(t, http.StatusSeeOther, r.Get("/").Status, "nothing else is open")
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
		passedOn := s.Reader()
		passedOn.Header.Set(header, "127.0.0.1")
		require.Equal(t, http.StatusUnauthorized, passedOn.Get("/metrics").Status, "%s: a proxy here makes nobody trusted", header)
	}
	behind := webtest.New(t, func(o *web.Options) { o.MetricsAllow, o.Proxies = "10.0.0.0/8", "127.0.0.1" })
	r = behind.Reader()
	require.Equal(t, http.StatusUnauthorized, r.Get("/metrics").Status)
	r.Header.Set("X-Forwarded-For", "10.1.2.3, 192.0.2.1")
	require.Equal(t, http.StatusUnauthorized, r.Get("/metrics").Status, "only what the proxy wrote counts")
	r.Header.Set("X-Forwarded-For", "192.0.2.1, 10.1.2.3")
	require.Equal(t, http.StatusOK, r.Get("/metrics").Status)

	// A proxy that does not say for whom it asks, on an address that is trusted.
	on := webtest.New(t, func(o *web.Options) { o.MetricsAllow, o.Proxies = "127.0.0.1", "127.0.0.1" })
	require.Equal(t, http.StatusOK, on.Reader().Get("/metrics").Status)
	for header, value := range map[string]string{"X-Forwarded-For": "unknown", "Via": "1.1 front", "X-Forwarded-Proto": "https"} {
		r = on.Reader()
		r.Header.Set(header, value)
		require.Equal(t, http.StatusUnauthorized, r.Get("/metrics").Status, header)
	}

	_, err := web.Handler(t.Context(), web.Options{MetricsAllow: "everybody"})
	require.ErrorContains(t, err, `metrics.allow: "everybody" is neither an address nor a network`)
}
