package catalog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

func evidence(h catalog.Host, run, outcome string, at time.Time) catalog.Verification {
	v := catalog.Verification{
		Run: run, Host: h.Ident().String(), HostID: catalog.Text(h.ID), Server: "s1", Dataset: "tank/BACKUP/acme/web1",
		Snapshot: "daily-202611230130", Trigger: "manual", Outcome: outcome, Summary: "what it came to",
		Started: at, Finished: at.Add(time.Minute), RestoreSeconds: 1.5, Sample: "random=50,bytes=2G", Files: 50, Compared: 49,
		Pool: "tank", PoolHealth: "ONLINE", ScrubState: "done", ScrubAt: &at, ScrubErrors: new(int64(0)),
	}
	if outcome == catalog.VerifyMismatch {
		v.Mismatched, v.Findings = 1, json.RawMessage(`[{"path": "/etc/a", "kind": "backup", "text": "is not what the host sent"}]`)
	}
	return v
}

func TestVerifications(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx := t.Context()
	h, err := s.AddHost(ctx, catalog.NewHost{Host: web1, Address: "a", AddGroup: true})
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	first := evidence(h, "r1", catalog.VerifyProven, at)
	for range 2 {
		require.NoError(t, s.RecordVerification(ctx, first), "twice is once")
	}
	h, err = s.Host(ctx, web1)
	require.NoError(t, err)
	require.Equal(t, at.Add(time.Minute), h.LastProven.UTC())
	require.Equal(t, "daily-202611230130", h.LastProvenSnapshot)
	require.Equal(t, catalog.VerifyProven, h.LastVerifyState)

	require.NoError(t, s.RecordVerification(ctx, evidence(h, "r2", catalog.VerifyMismatch, at.Add(time.Hour))))
	// One that comes late is kept, and changes nothing of what is known since.
	require.NoError(t, s.RecordVerification(ctx, evidence(h, "r0", catalog.VerifyProven, at.Add(-time.Hour))))
	o, err := s.HostOverview(ctx, web1, at)
	require.NoError(t, err)
	require.Equal(t, policy.HealthFailing, o.Health, "a backup that was disproven is not healthy")
	require.EqualValues(t, catalog.VerifyMismatch, o.LastVerifyState)
	require.Equal(t, at.Add(time.Minute), o.LastProven.UTC())

	page, err := s.HostPage(ctx, catalog.HostQuery{Visible: catalog.Everything(), Now: at})
	require.NoError(t, err)
	require.Equal(t, policy.HealthFailing, page.Hosts[0].Health, "the same in the lists that the database sorts")

	list, err := s.Verifications(ctx, catalog.VerificationFilter{Visible: catalog.Everything(), Host: web1})
	require.NoError(t, err)
	require.Equal(t, []string{"r2", "r1", "r0"}, []string{list[0].Run, list[1].Run, list[2].Run})
	require.JSONEq(t, `[{"path": "/etc/a", "kind": "backup", "text": "is not what the host sent"}]`, string(list[0].Findings))
	require.JSONEq(t, `[]`, string(list[0].Uncompared))
	list, err = s.Verifications(ctx, catalog.VerificationFilter{Visible: catalog.Everything(), Group: "acme", Since: at})
	require.NoError(t, err)
	require.Len(t, list, 2)

	// Evidence outlives the host.
	_, err = s.RemoveHost(ctx, h.ID, "")
	require.NoError(t, err)
	list, err = s.Verifications(ctx, catalog.VerificationFilter{Visible: catalog.Everything(), Host: web1})
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Empty(t, list[0].HostID)
	require.NoError(t, s.RecordVerification(ctx, evidence(h, "r3", catalog.VerifyProven, at)), "also of a host that was removed meanwhile")

	// What was proven cannot be claimed without a comparison.
	lie := evidence(h, "r4", catalog.VerifyProven, at)
	lie.Compared = 0
	require.True(t, catalog.IsInvalid(s.RecordVerification(ctx, lie)))
}

// Nothing but a proof of as much takes away what a mismatch says of a host.
func TestAMismatchStands(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx := t.Context()
	h, err := s.AddHost(ctx, catalog.NewHost{Host: web1, Address: "a", AddGroup: true})
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	proof := func(run, outcome string, taken, notAsked string, want string) {
		t.Helper()
		at = at.Add(time.Hour)
		v := evidence(h, run, outcome, at)
		created, err := time.Parse(time.DateOnly, taken)
		require.NoError(t, err)
		v.SnapshotCreated, v.HostNotAsked = &created, catalog.Text(notAsked)
		if outcome == catalog.VerifyUnproven {
			v.Compared = 0
		}
		require.NoError(t, s.RecordVerification(ctx, v))
		now, err := s.Host(ctx, web1)
		require.NoError(t, err)
		require.EqualValues(t, want, now.LastVerifyState)
		if want == catalog.VerifyMismatch {
			require.Nil(t, now.LastProven)
		}
	}
	proof("r1", catalog.VerifyMismatch, "2026-11-22", "", catalog.VerifyMismatch)
	proof("r2", catalog.VerifyProven, "2025-11-22", "", catalog.VerifyMismatch)
	proof("r3", catalog.VerifyProven, "2026-11-22", "nobody answers", catalog.VerifyMismatch)
	proof("r4", catalog.VerifyUnproven, "2026-11-23", "", catalog.VerifyMismatch)
	proof("r5", catalog.VerifyProven, "2026-11-22", "", catalog.VerifyProven)
}

func TestVerifyWork(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx := t.Context()
	require.NoError(t, s.UpsertStorage(ctx, catalog.Storage{Server: "s1", Dataset: "tank/BACKUP", SeenAt: time.Now()}))
	now := time.Now()
	hosts := map[string]catalog.Host{}
	for _, name := range []string{"never", "fresh", "due", "disproven", "failed", "off", "running", "closed", "disabled", "unbacked"} {
		n := catalog.NewHost{Host: ident.Host{Group: "acme", Name: name}, Address: name, AddGroup: true, Storage: "tank/BACKUP"}
		switch name {
		case "off":
			n.Settings = policy.Settings{VerifyEvery: new(policy.Interval(0))}
		case "closed":
			day := now.UTC().AddDate(0, 0, 3).Format("Mon")
			n.Settings = policy.Settings{}
			require.NoError(t, n.Settings.Set("window", day+" 00:00-24:00"))
		}
		h, err := s.AddHost(ctx, n)
		require.NoError(t, err)
		hosts[name] = h
		if name == "unbacked" {
			continue
		}
		_, err = s.ClaimDataset(ctx, h.ID)
		require.NoError(t, err)
		require.NoError(t, s.MarkDatasetMade(ctx, h.ID))
		start := catalog.RunStart{ID: "backup-" + name, HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup, Trigger: "manual", Started: now.Add(-time.Hour)}
		require.NoError(t, s.FinishRun(ctx, start, catalog.RunEnd{State: policy.StateOK, Finished: now, Snapshot: "daily-202611230130"}))
	}
	_, err := s.SetEnabled(ctx, hosts["disabled"].Ident(), false, "gone")
	require.NoError(t, err)
	verified := func(name, outcome string, ago time.Duration) {
		h := hosts[name]
		require.NoError(t, s.RecordVerification(ctx, evidence(h, "v-"+name, outcome, now.Add(-ago))))
	}
	begin := func(name string, ago time.Duration) catalog.RunStart {
		h := hosts[name]
		r := catalog.RunStart{ID: "verify-" + name, HostID: h.ID, Host: h.Ident(), Kind: catalog.KindVerify, Trigger: "schedule", Started: now.Add(-ago)}
		require.NoError(t, s.BeginRun(ctx, r))
		return r
	}
	verified("fresh", catalog.VerifyProven, 20*24*time.Hour)
	verified("due", catalog.VerifyProven, 31*24*time.Hour)
	verified("disproven", catalog.VerifyMismatch, 25*time.Hour)
	verified("running", catalog.VerifyProven, 60*24*time.Hour)
	begin("running", 20*24*time.Hour)
	require.NoError(t, s.FinishRun(ctx, begin("failed", time.Hour), catalog.RunEnd{State: policy.StateFailed, Finished: now}))

	names := func(at time.Time) (list []string) {
		w, err := s.VerifyWork(ctx, at)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"s1": 1}, w.UnderWay)
		for _, d := range w.Due {
			list = append(list, d.Host.Name)
		}
		return list
	}
	require.Equal(t, []string{"due", "disproven"}, names(now), "the longest overdue first; new ones a day later")
	require.ElementsMatch(t, []string{"due", "disproven", "never", "failed", "disabled"}, names(now.Add(25*time.Hour)))
	w, err := s.VerifyWork(ctx, now)
	require.NoError(t, err)
	require.InDelta(t, 8.0/(30*24), w.PerHour, 1e-9)
}
