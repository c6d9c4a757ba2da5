package hosts_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/readers"
	"planb/web/hosts"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

// fakeTemporal stands in the place of what is done through Temporal, and keeps what
// was asked of it.
type fakeTemporal struct {
	operate.Operator
	backups  []operate.How
	changes  []workflows.ChangeSnapshotInput
	decided  []workflows.DecideInput
	probes   []workflows.ProbeInput
	renamed  []ident.Host
	removed  []bool
	verified []string
	agreed   []bool
	fails    error
}

func (f *fakeTemporal) BackUp(_ context.Context, _ ident.Host, how operate.How) (string, error) {
	f.backups = append(f.backups, how)
	return "run-1", f.fails
}

func (f *fakeTemporal) AddHost(ctx context.Context, n catalog.NewHost) error {
	_, err := f.Catalog.AddHost(ctx, n)
	return err
}

func (f *fakeTemporal) EditHost(ctx context.Context, h ident.Host, e catalog.HostEdit) error {
	_, err := f.Catalog.EditHost(ctx, h, e)
	return err
}

func (f *fakeTemporal) ChangeSnapshot(_ context.Context, in workflows.ChangeSnapshotInput) error {
	f.changes = append(f.changes, in)
	return f.fails
}

func (f *fakeTemporal) Decide(_ context.Context, in workflows.DecideInput) (activities.DecideResult, error) {
	f.decided = append(f.decided, in)
	return activities.DecideResult{Snapshots: []string{"daily-202611230130"}}, f.fails
}

func (f *fakeTemporal) Look(context.Context, string, string) (worker.Status, error) {
	return worker.Status{Activity: activities.PullName, Progress: &activities.Progress{Percent: 40, TotalKnown: true, Path: "/var/lib/big"}}, nil
}

func (f *fakeTemporal) Probe(_ context.Context, in workflows.ProbeInput) (activities.ProbeReport, error) {
	f.probes = append(f.probes, in)
	return activities.ProbeReport{Ready: true, Reachable: true, Rsync: "3.4.1"}, f.fails
}

func (f *fakeTemporal) Prune(_ context.Context, in workflows.PruneInput) (workflows.PruneOutcome, error) {
	f.agreed = append(f.agreed, in.Agreed)
	return workflows.PruneOutcome{Pruned: activities.PruneResult{Removed: []string{"a"}, Kept: 3}}, f.fails
}

func (f *fakeTemporal) Remove(_ context.Context, _ ident.Host, purge bool, _ string) (workflows.DeleteResult, error) {
	f.removed = append(f.removed, purge)
	return workflows.DeleteResult{}, f.fails
}

func (f *fakeTemporal) Rename(_ context.Context, _, to ident.Host, _ string) error {
	f.renamed = append(f.renamed, to)
	return f.fails
}

func (f *fakeTemporal) Verify(_ context.Context, in workflows.VerifyInput) (string, error) {
	f.verified = append(f.verified, in.Snapshot)
	return "run-2", f.fails
}

var web1 = ident.Host{Group: "acme", Name: "web1"}

// openPage gives the pages of acme/web1, with five snapshots the newest of
// which is suspect, and what stands in the place of Temporal.
func openPage(t *testing.T) (*webtest.Site, *fakeTemporal, catalog.Host) {
	t.Helper()
	s := catalogtest.Store(t)
	f := &fakeTemporal{Operator: operate.Operator{Catalog: s}}
	site := webtest.Only(t, s, func(now func() time.Time) []server.Route {
		return hosts.Page{Catalog: s, Operator: f, Readers: readers.New(s, ""), Now: now, Log: slog.New(slog.DiscardHandler)}.Routes()
	})
	h, err := s.AddHost(t.Context(), catalog.NewHost{Host: web1, Address: "web1.example", Tags: []string{"prod"}, Notes: "Ask Dana.", AddGroup: true})
	require.NoError(t, err)
	var snaps []catalog.Snapshot
	for i := range 5 {
		at := webtest.Start.AddDate(0, 0, i-5).Truncate(time.Minute)
		state := catalog.Text(policy.StateOK)
		if i == 4 {
			state = policy.StateSuspect
		}
		snaps = append(snaps, catalog.Snapshot{
			Host: "acme/web1", Name: "daily-" + at.Format("200601021504"), Created: at, State: state, Tiers: []string{"daily"}, UsedBytes: 1 << 20, ReferencedBytes: 1 << 30,
		})
	}
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, snaps, webtest.Start))
	size := int64(3 << 30)
	for i, state := range []string{policy.StateOK, policy.StateFailed} {
		at := webtest.Start.Add(time.Duration(i-3) * time.Hour)
		require.NoError(t, s.FinishRun(t.Context(), catalog.RunStart{
			ID: "00000000-0000-4000-8000-00000000000" + string(rune('1'+i)), WorkflowID: "backup/acme/web1", HostID: h.ID, Host: web1,
			Kind: catalog.KindBackup, Trigger: "manual", Started: at,
		}, catalog.RunEnd{State: state, Finished: at.Add(time.Minute), Message: "the end of " + state, Remedy: "call `ssh`", BytesTotal: &size}))
	}
	return site, f, h
}

func TestHostPageTellsHowItIsDoing(t *testing.T) {
	t.Parallel()
	s, _, h := openPage(t)
	r := s.As("vera", "viewer:acme")
	body := r.Get("/hosts/acme/web1").Body
	for _, want := range []string{
		"failing", "A guard found 1 snapshot suspect", "The last backup ended failed: the end of failed.", "<code>ssh</code>",
		"daily-202611231200", "newest good", "Ask Dana.", "web1.example", "prod", "All settings, and where each comes from",
		"How long it took", "3.0 GiB", "/runs/00000000-0000-4000-8000-000000000002", "1m 0s",
	} {
		require.Contains(t, body, want)
	}
	for _, not := range []string{"Back up now</button", "/remove", "/decide", "<form method=\"post\" action=\"/hosts"} {
		require.NotContains(t, body, not, "a viewer is offered nothing to do")
	}
	body = s.As("olga", "operator:acme").Get("/hosts/acme/web1").Body
	require.Contains(t, body, "/decide?verdict=accept")
	require.NotContains(t, body, "/hosts/acme/web1/remove")
	require.Contains(t, s.As("ada", "admin:acme").Get("/hosts/acme/web1").Body, "/hosts/acme/web1/remove")
	require.Equal(t, http.StatusNotFound, s.As("otto", "admin:beta").Get("/hosts/acme/web1").Status)
	require.Equal(t, http.StatusNotFound, r.Get("/hosts/acme/other").Status)

	require.NoError(t, s.Store.BeginRun(t.Context(), catalog.RunStart{
		ID: "00000000-0000-4000-8000-000000000009", WorkflowID: "backup/acme/web1", HostID: h.ID, Host: web1,
		Kind: catalog.KindBackup, Trigger: "manual", Started: webtest.Start,
	}))
	body = r.Get("/hosts/acme/web1/live").Body
	require.Contains(t, body, `value="40"`)
	require.Contains(t, body, "/var/lib/big")
	require.Contains(t, body, "pull")
	require.NotContains(t, body, "<html")
}

func TestWhatIsDoneOnTheHostPage(t *testing.T) {
	t.Parallel()
	s, f, _ := openPage(t)
	r := s.As("ada", "admin:acme")
	at, snap := "/hosts/acme/web1", "daily-202611221200"
	done := func(path string, form url.Values) webtest.Answer {
		t.Helper()
		a := r.Post(at+path, form)
		require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
		return a
	}
	done("/backup", url.Values{})
	done("/backup", url.Values{"keep": {"before-upgrade"}})
	require.Equal(t, []operate.How{{}, {Keep: "before-upgrade"}}, f.backups)
	a := r.Post(at+"/backup", url.Values{"keep": {"no such/label"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	require.Contains(t, a.Body, `value="no such/label"`)

	done("/verify", url.Values{"snap": {snap}})
	require.Equal(t, []string{snap}, f.verified)
	require.Contains(t, r.Post(at+"/probe", url.Values{}).Body, "It can be backed up.")

	require.Contains(t, r.Get(at+"/decide?verdict=reject").Body, "daily-202611231200")
	done("/decide", url.Values{"verdict": {"reject"}})
	require.Equal(t, http.StatusUnprocessableEntity, r.Post(at+"/decide", url.Values{}).Status)
	require.Equal(t, []workflows.DecideInput{{Host: web1, Verdict: "reject", Actor: "ada (web)"}}, f.decided)

	require.Contains(t, r.Get(at+"/snapshots/"+snap).Body, "Hold it")
	a = r.Post(at+"/snapshots/"+snap+"/hold", url.Values{"reason": {"audit"}, "until": {"2026-01-01"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	require.Contains(t, a.Body, "is over")
	require.Contains(t, a.Body, `value="audit"`)
	done("/snapshots/"+snap+"/hold", url.Values{"reason": {"audit"}, "until": {"2027-01-01"}})
	done("/snapshots/"+snap+"/release", url.Values{})
	require.Equal(t, http.StatusUnprocessableEntity, r.Post(at+"/snapshots/"+snap+"/remove", url.Values{}).Status)
	done("/snapshots/"+snap+"/remove", url.Values{"confirm": {snap}})
	require.Equal(t, http.StatusNotFound, r.Post(at+"/snapshots/none/remove", url.Values{"confirm": {"none"}}).Status)
	require.Len(t, f.changes, 3)
	require.Equal(t, time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), f.changes[0].Until.UTC())
	require.Equal(t, activities.ChangeRemove, f.changes[2].Change)

	require.Contains(t, r.Get(at+"/prune").Body, "Nothing to remove")
	done("/prune", url.Values{"agreed": {"1"}})
	require.Equal(t, []bool{true}, f.agreed)

	require.Equal(t, http.StatusUnprocessableEntity, r.Post(at+"/rename", url.Values{"to": {"beta/web1"}}).Status, "no admin of beta")
	require.Equal(t, "/hosts/acme/web2", done("/rename", url.Values{"to": {"acme/web2"}}).Location)
	require.Equal(t, http.StatusUnprocessableEntity, r.Post(at+"/remove", url.Values{"confirm": {"acme"}}).Status)
	done("/remove", url.Values{"confirm": {"acme/web1"}, "purge": {"1"}})
	require.Equal(t, []bool{true}, f.removed)
}

func TestWhatIsRefusedOnTheHostPageIsTold(t *testing.T) {
	t.Parallel()
	s, f, _ := openPage(t)
	r := s.As("ada", "admin:acme")
	f.fails = &catalog.RefusedError{Reason: "the snapshot is the newest good one: make another first"}
	a := r.Post("/hosts/acme/web1/snapshots/daily-202611221200/remove", url.Values{"confirm": {"daily-202611221200"}})
	require.Equal(t, http.StatusConflict, a.Status)
	require.Contains(t, a.Body, "The snapshot is the newest good one")
	f.fails = &operate.UnderWayError{What: "the rename of acme/web1", Run: "run-3"}
	a = r.Post("/hosts/acme/web1/rename", url.Values{"to": {"acme/web2"}})
	require.Equal(t, "/hosts/acme/web1", a.Location)
	require.Contains(t, r.Get(a.Location).Body, "The rename of acme/web1 has begun and goes on")
	f.fails = &worker.AlreadyRunningError{What: "a backup of acme/web1", Run: "run-9"}
	r.Post("/hosts/acme/web1/backup", url.Values{})
	require.Contains(t, r.Get("/hosts/acme/web1").Body, "A backup of acme/web1 is under way already")
}
