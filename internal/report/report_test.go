package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/report"
)

// The reports say of hosts what the catalog and policy.HealthOf do.
func TestReportsSayWhatTheCatalogHolds(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx, now := t.Context(), time.Now()
	month := report.MonthOf(now.UTC())
	from, until := month.Span(time.UTC)
	end := func(name, run, state, message string, at time.Time) {
		host := ident.Host{Group: "acme", Name: name}
		h, err := s.Host(ctx, host)
		if catalog.IsNotFound(err) {
			h, err = s.AddHost(ctx, catalog.NewHost{Host: host, Address: name + ".example", AddGroup: true})
		}
		require.NoError(t, err)
		if run == "" {
			return
		}
		e := catalog.RunEnd{State: state, Finished: at, Message: message}
		if state == "ok" {
			e.Snapshot, e.BytesTotal = "daily-"+at.UTC().Format("200601021504"), new(int64(1<<20))
		}
		require.NoError(t, s.FinishRun(ctx, catalog.RunStart{
			ID: run, WorkflowID: "backup/" + host.String(), HostID: h.ID, Host: host, Kind: "backup", Trigger: "manual", Started: at,
		}, e))
	}
	end("good", "a1", "ok", "", now)
	end("bad", "b1", "failed", "<b>refused</b>\nno", now)
	end("new", "", "", "", now)

	lines, err := s.HostPage(ctx, catalog.HostQuery{Visible: catalog.Everything(), Now: now, Limit: 100})
	require.NoError(t, err)
	overview, err := s.Overview(ctx, catalog.HostFilter{}, now)
	require.NoError(t, err)
	for i, o := range overview { // both by name
		require.Equal(t, o.Health, lines.Hosts[i].Health, o.Host)
	}
	digest := report.NewDigest(report.DigestInput{Day: "2026-11-27", Now: now, Zone: time.UTC, Hosts: lines.Hosts})
	require.Equal(t, "PlanB: 2 never, 1 ok", digest.Subject)
	text, err := digest.Text()
	require.NoError(t, err)
	require.Contains(t, text, "failed: <b>refused</b> no")
	html, err := digest.HTML()
	require.NoError(t, err)
	require.NotContains(t, html, "<b>refused")

	hosts, err := s.Month(ctx, "acme", from, until)
	require.NoError(t, err)
	monthly := report.NewMonthly(report.MonthlyInput{Group: "acme", Month: month, Now: now, Zone: time.UTC, Hosts: hosts})
	require.Contains(t, monthly.Subject, "3 hosts, 1 with incidents")
	text, err = monthly.Text()
	require.NoError(t, err)
	require.Regexp(t, `acme/good +\d.* 1 +0 +0 +1\.0 MiB +0 B`, text)
	require.Regexp(t, `acme/bad +failed .* lasts`, text)
}
