package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/report"
)

var update = flag.Bool("update", false, "write the golden files of the reports")

// requireGolden compares a document with its golden files.
func requireGolden(t *testing.T, name string, doc report.Doc) {
	t.Helper()
	text, err := doc.Text()
	require.NoError(t, err)
	html, err := doc.HTML()
	require.NoError(t, err)
	for file, got := range map[string]string{name + ".txt": "Subject: " + doc.Subject + "\n\n" + text, name + ".html": html} {
		path := filepath.Join("testdata", file)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "%s; written anew with -update", path)
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// now is a minute after midnight on a first of a month, in Amsterdam.
var now = time.Date(2026, 11, 30, 23, 1, 0, 0, time.UTC)

func ago(d time.Duration) *time.Time { return new(now.Add(-d)) }

const day = 24 * time.Hour

func line(name string, health policy.Health, reason string, change func(*catalog.HostLine)) catalog.HostLine {
	h := catalog.HostLine{HostOverview: catalog.HostOverview{
		Host: name, Enabled: true, Health: health, HealthReason: catalog.Text(reason), LastGood: ago(5 * time.Hour), LastProven: ago(3 * day),
	}}
	if change != nil {
		change(&h)
	}
	return h
}

// fleet has a host in every state.
func fleet() []catalog.HostLine {
	ended := func(state, message, remedy string) func(*catalog.HostLine) {
		return func(h *catalog.HostLine) {
			h.LastGood, h.EndedState, h.EndedMessage, h.EndedRemedy = ago(50*time.Hour), catalog.Text(state), catalog.Text(message), catalog.Text(remedy)
		}
	}
	return []catalog.HostLine{
		line("acme/disproven", policy.HealthFailing, "a verification found files that are not as they were on the host", func(h *catalog.HostLine) { h.LastVerifyState = catalog.VerifyMismatch }),
		line("acme/failed", policy.HealthFailing, "the last good backup is 50 hours old", ended(policy.StateFailed, "rsync: connection <b>refused</b>\n\x1b[31mred", "See whether sshd runs")),
		line("acme/fresh", policy.HealthNever, "it was added 3 days ago", func(h *catalog.HostLine) { h.LastGood, h.LastProven = nil, nil }),
		line("acme/late", policy.HealthLate, "the last good backup is 30 hours old", func(h *catalog.HostLine) { h.LastGood, h.LastProven = ago(30*time.Hour), ago(60*day) }),
		line("acme/never-well", policy.HealthNever, "it never ended well", func(h *catalog.HostLine) {
			ended(policy.StateFailed, "permission denied", "")(h)
			h.LastGood, h.LastProven = nil, nil
		}),
		line("acme/ok", policy.HealthOK, "", nil),
		line("acme/partial", policy.HealthFailing, "the last good backup is 50 hours old", ended(policy.StatePartial, "3 files could not be read", "")),
		line("acme/paused", policy.HealthPaused, "", func(h *catalog.HostLine) { h.Enabled, h.DisabledReason = false, "moved to the new one" }),
		line("acme/suspect", policy.HealthFailing, "", func(h *catalog.HostLine) { h.SuspectSince = ago(20 * time.Hour) }),
		line("acme/waiting", policy.HealthOK, "", func(h *catalog.HostLine) {
			h.State, h.Message, h.NextTry = catalog.Text(policy.StateWaiting), "it does not answer on port 22", new(now.Add(2*time.Hour))
		}),
		line("umbrella/warning", policy.HealthOK, "", func(h *catalog.HostLine) { h.LastProven = ago(20 * day) }),
	}
}

func rooms() []catalog.StorageRoom {
	room := func(dataset string, used, free int64, change func(*catalog.StorageRoom)) catalog.StorageRoom {
		r := catalog.StorageRoom{Storage: catalog.Storage{
			Server: "store1", Dataset: dataset, UsedBytes: &used, FreeBytes: &free, Health: "ONLINE", SeenAt: now.Add(-10 * time.Minute),
		}}
		if change != nil {
			change(&r)
		}
		return r
	}
	return []catalog.StorageRoom{
		room("tank/BACKUP", 25<<40, 75<<40, nil),
		room("fills/BACKUP", 95<<40, 5<<40, func(r *catalog.StorageRoom) { r.GrowthPerDay, r.FullAt = new(float64(200<<30)), new(now.Add(26*day)) }),
		room("broken/BACKUP", 1<<40, 9<<40, func(r *catalog.StorageRoom) { r.Health, r.DataErrors = "DEGRADED", new(int64(2)) }),
		room("silent/BACKUP", 1<<40, 9<<40, func(r *catalog.StorageRoom) { r.SeenAt, r.UsedBytes, r.FreeBytes = now.Add(-7*time.Hour), nil, nil }),
	}
}

func TestDigestGolden(t *testing.T) {
	t.Parallel()
	requireGolden(t, "digest", report.NewDigest(report.DigestInput{
		Day: "2026-12-01", Now: now, Zone: zone(t, "Europe/Amsterdam"), URL: "https://backup.example", Hosts: fleet(),
		Ended:    map[string]int{policy.StateOK: 7, policy.StateWarning: 1, policy.StatePartial: 1, policy.StateFailed: 2, policy.StateSkipped: 1, policy.StateCancelled: 1},
		Storages: rooms(), SilentAfter: 30 * time.Minute, FreeWarn: 10,
		Notices: []catalog.Condition{{Subject: "store1:fills/BACKUP", Severity: catalog.SeverityWarning, Title: "store1:fills/BACKUP will be full soon", Since: *ago(4 * day)}},
	}))
}

// The same moment is another day elsewhere, and a fleet may be empty or all well.
func TestDigestOfLittleGolden(t *testing.T) {
	t.Parallel()
	requireGolden(t, "digest-little", report.NewDigest(report.DigestInput{
		Day: "2026-11-30", Now: now, Zone: zone(t, "America/Los_Angeles"), Missing: []string{"the storages", "open notices"},
		Hosts: []catalog.HostLine{line("acme/ok", policy.HealthOK, "", nil)},
	}))
	empty := report.NewDigest(report.DigestInput{Day: "2026-11-30", Now: now, Zone: time.UTC})
	require.Equal(t, "PlanB: no hosts", empty.Subject)
}

func monthHosts() []catalog.HostMonth {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	attempt := func(at time.Time, state string, bytes int64) catalog.Attempt {
		a := catalog.Attempt{Started: at, State: state}
		if bytes > 0 {
			a.BytesTotal = &bytes
		} else {
			a.Message = "it was " + state
		}
		return a
	}
	nightly := func(from, until int, state string, bytes int64) (list []catalog.Attempt) {
		for d := from; d <= until; d++ {
			list = append(list, attempt(at(d, 1, 30), state, bytes+int64(d)<<20))
		}
		return list
	}
	host := func(name string, change func(*catalog.HostMonth)) catalog.HostMonth {
		h := catalog.HostMonth{
			ID: name, Host: name, Enabled: true, LateAge: 36 * time.Hour, LastGood: new(at(30, 1, 30)), LastProven: new(at(28, 4, 0)),
			UsedBytes: new(int64(3 << 30)), Snapshots: 20, OldestSnapshot: new(at(1, 1, 30)), Attempts: nightly(1, 30, policy.StateOK, 1<<30),
		}
		if change != nil {
			change(&h)
		}
		return h
	}
	return []catalog.HostMonth{
		host("acme/disproven", func(h *catalog.HostMonth) {
			h.Mismatches = []catalog.Mismatch{{At: at(12, 4, 0), Snapshot: "daily-202611120130", Summary: "2 of 500 files differ"}}
		}),
		// Midnight in Amsterdam is at 23:00 UTC: the first attempt is one of October,
		// the last one of December.
		host("acme/edges", func(h *catalog.HostMonth) {
			h.Attempts = []catalog.Attempt{
				attempt(time.Date(2026, 10, 31, 22, 59, 59, 0, time.UTC), policy.StateFailed, 0),
				attempt(time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), policy.StateOK, 1<<30),
				attempt(at(30, 22, 59), policy.StateWarning, 1<<30),
			}
			h.LateAge = 0
		}),
		host("acme/failed", func(h *catalog.HostMonth) {
			h.Attempts = append(append(nightly(1, 9, policy.StateOK, 1<<30), attempt(at(10, 1, 30), policy.StateFailed, 0), attempt(at(11, 1, 30), policy.StatePartial, 0)), nightly(12, 30, policy.StateOK, 1<<29)...)
		}),
		host("acme/late", func(h *catalog.HostMonth) {
			h.Attempts = append(nightly(1, 10, policy.StateOK, 1<<30), nightly(14, 30, policy.StateOK, 1<<30)...)
		}),
		host("acme/never", func(h *catalog.HostMonth) {
			h.Attempts, h.LastGood, h.LastProven, h.UsedBytes, h.Snapshots, h.OldestSnapshot = nil, nil, nil, nil, 0, nil
			h.Created = at(20, 12, 0)
		}),
		host("acme/ok", nil),
		host("acme/paused", func(h *catalog.HostMonth) {
			h.Enabled, h.DisabledReason, h.Attempts = false, "moved to the new one", nightly(1, 5, policy.StateOK, 1<<30)
			h.LastGood = new(at(5, 1, 30))
		}),
		host("acme/suspect", func(h *catalog.HostMonth) {
			h.Attempts = append(nightly(1, 28, policy.StateOK, 1<<30), attempt(at(29, 1, 30), policy.StateSuspect, 0), attempt(at(30, 1, 30), policy.StateSuspect, 0))
			h.LastGood = new(at(28, 1, 30))
		}),
		{Host: "acme/gone", Removed: true, LastGood: new(at(7, 1, 30)), Attempts: nightly(1, 7, policy.StateOK, 1<<30)},
	}
}

func TestMonthlyGolden(t *testing.T) {
	t.Parallel()
	month, err := report.ParseMonth("2026-11")
	require.NoError(t, err)
	in := report.MonthlyInput{
		Group: "acme", Month: month, Now: now, Zone: zone(t, "Europe/Amsterdam"), URL: "https://backup.example", Hosts: monthHosts(),
	}
	requireGolden(t, "monthly", report.NewMonthly(in))
	// At the same moment the month lasts in Los Angeles.
	in.Zone, in.Hosts, in.URL = zone(t, "America/Los_Angeles"), monthHosts()[5:6], ""
	requireGolden(t, "monthly-lasts", report.NewMonthly(in))
}

// What is due is over in the group's own zone; nobody is surprised by months of
// before, and an outage is made up for.
func TestDueMonths(t *testing.T) {
	t.Parallel()
	amsterdam, la := zone(t, "Europe/Amsterdam"), zone(t, "America/Los_Angeles")
	long := now.AddDate(-1, 0, 0)
	month := func(s string) *report.Month {
		m, err := report.ParseMonth(s)
		require.NoError(t, err)
		return &m
	}
	for name, c := range map[string]struct {
		now     time.Time
		zone    *time.Location
		created time.Time
		first   *report.Month
		want    []string
	}{
		"just over":              {now, amsterdam, long, month("2026-10"), []string{"2026-10", "2026-11"}},
		"not over there":         {now, la, long, month("2026-10"), []string{"2026-10"}},
		"a moment before":        {now.Add(-time.Minute - time.Nanosecond), amsterdam, long, month("2026-10"), []string{"2026-10"}},
		"nothing ever":           {now, amsterdam, long, nil, []string{"2026-11"}},
		"nothing ever, too late": {now.AddDate(0, 0, 8), amsterdam, long, nil, nil},
		"a new group":            {now, amsterdam, now.Add(-time.Hour), month("2026-08"), []string{"2026-11"}},
		"a newer group":          {now, amsterdam, now, month("2026-08"), nil},
		"a long outage":          {now, amsterdam, long, month("2026-01"), []string{"2026-09", "2026-10", "2026-11"}},
		"over the year":          {now.AddDate(0, 2, 1), amsterdam, long, month("2026-12"), []string{"2026-12", "2027-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, m := range report.DueMonths(c.now, c.zone, c.created, c.first) {
				got = append(got, m.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}
