//go:build !nopostgres

package gather_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/report/gather"
)

// fleet is a catalog with a host of a group in Los Angeles.
func fleet(t *testing.T) (g gather.Gatherer, db *pgx.Conn, host catalog.Host) {
	t.Helper()
	url := catalogtest.URL(t)
	_, _, err := catalog.Migrate(t.Context(), url)
	require.NoError(t, err)
	store, err := catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	db, err = pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	host, err = store.AddHost(t.Context(), catalog.NewHost{Host: ident.Host{Group: "acme", Name: "web1"}, Address: "a.example", AddGroup: true})
	require.NoError(t, err)
	_, err = store.EditGroup(t.Context(), "acme", catalog.GroupEdit{Settings: func(s *policy.Settings) error {
		s.Timezone = new("America/Los_Angeles")
		return nil
	}})
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "update hosts set created_at = '2026-01-01'; update groups set created_at = '2026-01-01'")
	require.NoError(t, err)
	return gather.Gatherer{Catalog: store, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)}, db, host
}

// A digest has what can be read, and says what it lacks: half a fleet's news is
// better than none.
func TestDigestWithoutTheStorages(t *testing.T) {
	t.Parallel()
	g, db, _ := fleet(t)
	digest := catalog.ReportOf{Kind: catalog.ReportDigest, Period: "2026-11-27"}
	now := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	doc, err := g.Make(t.Context(), digest, now)
	require.NoError(t, err)
	require.Equal(t, []string{"As of 2026-11-27 07:00 UTC."}, doc.Lead)
	_, err = db.Exec(t.Context(), "alter table storage_samples rename to lost")
	require.NoError(t, err)
	doc, err = g.Make(t.Context(), digest, now)
	require.NoError(t, err)
	require.Equal(t, "PlanB: 1 never", doc.Subject)
	require.Contains(t, doc.Lead[1], "the storages")
	text, err := doc.Text()
	require.NoError(t, err)
	require.Contains(t, text, "acme/web1")
}

// A month is that of the group's zone, to the second: what began before its
// midnight belongs to it, and nothing else.
func TestMonthEndsAtMidnightOfTheGroup(t *testing.T) {
	t.Parallel()
	g, _, host := fleet(t)
	la, err := time.LoadLocation("America/Los_Angeles")
	require.NoError(t, err)
	for run, at := range map[string]time.Time{
		"october":  time.Date(2026, 10, 31, 23, 59, 59, 0, la),
		"first":    time.Date(2026, 11, 1, 0, 0, 0, 0, la),
		"last":     time.Date(2026, 11, 30, 23, 59, 59, 0, la),
		"december": time.Date(2026, 12, 1, 0, 0, 0, 0, la),
	} {
		require.NoError(t, g.Catalog.FinishRun(t.Context(), catalog.RunStart{
			ID: run, WorkflowID: "backup/acme/web1", HostID: host.ID, Host: host.Ident(), Kind: catalog.KindBackup, Trigger: "schedule", Started: at,
		}, catalog.RunEnd{State: policy.StateOK, Finished: at, Snapshot: "daily-" + at.UTC().Format("200601021504"), BytesTotal: new(int64(1 << 20))}))
	}
	november := catalog.ReportOf{Kind: catalog.ReportMonthly, Period: "2026-11", Group: "acme"}
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, la)
	over, err := g.Over(t.Context(), november, end.Add(-time.Nanosecond))
	require.NoError(t, err)
	require.False(t, over)
	over, err = g.Over(t.Context(), november, end)
	require.NoError(t, err)
	require.True(t, over)
	doc, err := g.Make(t.Context(), november, end)
	require.NoError(t, err)
	require.Equal(t, "PlanB: acme, November 2026: 1 host, 1 with incidents", doc.Subject, "a month without a backup in the middle is late")
	text, err := doc.Text()
	require.NoError(t, err)
	require.Regexp(t, `acme/web1 +2026-11-30 23:59 +never +2 +0 +0 `, text, "two were good, of which the last one at the end")
	require.Contains(t, text, "From 2026-11-01 00:00 PDT until 2026-12-01 00:00 PST.")

	_, err = g.Over(t.Context(), catalog.ReportOf{Kind: catalog.ReportMonthly, Period: "2026-11", Group: "nobody"}, end)
	require.True(t, catalog.IsNotFound(err))
	_, err = g.Make(t.Context(), catalog.ReportOf{Kind: catalog.ReportMonthly, Period: "soon", Group: "acme"}, end)
	require.True(t, catalog.IsInvalid(err))
}
