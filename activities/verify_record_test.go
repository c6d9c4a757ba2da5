//go:build !nopostgres

package activities

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/verify"
	"planb/internal/zfs"
)

// verifiedHost adds a host with a good snapshot.
func verifiedHost(t *testing.T, s *catalog.Store, name, storage string, settings policy.Settings) catalog.Host {
	t.Helper()
	h, err := s.AddHost(t.Context(), catalog.NewHost{
		Host: ident.Host{Group: "acme", Name: name}, Address: name, AddGroup: true, Storage: storage, Settings: settings,
	})
	require.NoError(t, err)
	_, err = s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	require.NoError(t, s.MarkDatasetMade(t.Context(), h.ID))
	require.NoError(t, s.FinishRun(t.Context(), catalog.RunStart{
		ID: "backup-" + name, HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup, Trigger: TriggerManual, Started: time.Now(),
	}, catalog.RunEnd{State: policy.StateOK, Finished: time.Now(), Snapshot: "daily-202611230130"}))
	h, err = s.Host(t.Context(), h.Ident())
	require.NoError(t, err)
	return h
}

// After an upgrade all hosts are due at once: they are spread over the hours.
func TestDueVerificationsAreSpread(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	for _, server := range []string{"s1", "s2"} {
		require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: server, Dataset: "tank/BACKUP", SeenAt: time.Now()}))
	}
	for i := range 7 {
		verifiedHost(t, s, fmt.Sprintf("a%d", i), "s1:tank/BACKUP", policy.Settings{})
	}
	first := verifiedHost(t, s, "b", "s2:tank/BACKUP", policy.Settings{})
	now := time.Now().Add(48 * time.Hour)
	c := &Control{Catalog: s, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	due := func() (hosts int, lanes map[string]int) {
		found, err := c.DueVerifications(t.Context())
		require.NoError(t, err)
		lanes = map[string]int{}
		for _, l := range found {
			hosts += len(l.Hosts)
			lanes[l.Server] = l.Lanes
		}
		return hosts, lanes
	}
	n, lanes := due()
	require.Equal(t, leastAnHour, n)
	require.Equal(t, verifyLanes, lanes["s1"])

	// Those that are under way take their lanes.
	for i := range 2 {
		h, err := s.Host(t.Context(), ident.Host{Group: "acme", Name: fmt.Sprintf("a%d", i)})
		require.NoError(t, err)
		require.NoError(t, s.BeginRun(t.Context(), catalog.RunStart{
			ID: fmt.Sprintf("verify-%d", i), HostID: h.ID, Host: h.Ident(), Kind: KindVerify, Trigger: TriggerSchedule, Started: now,
		}))
	}
	n, lanes = due()
	require.Equal(t, 1, n)
	require.Equal(t, map[string]int{"s2": verifyLanes}, lanes)

	// Where the turns are short, an hour takes as many as it has to, and some more.
	for i := range 200 {
		verifiedHost(t, s, fmt.Sprintf("c%d", i), "s2:tank/BACKUP", policy.Settings{VerifyEvery: new(policy.Day)})
	}
	n, _ = due()
	require.InDelta(t, 2*200/24.0, n, 3)
	require.NotEmpty(t, first.ID)
}

func TestEvidenceIsRecorded(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "s1", Dataset: "tank/BACKUP", SeenAt: time.Now()}))
	h := verifiedHost(t, s, "web1", "s1:tank/BACKUP", policy.Settings{})
	c := &Control{Catalog: s, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	plan, err := c.LoadVerify(t.Context(), LoadVerifyInput{Host: h.Ident(), Run: "run-1", Trigger: TriggerSchedule, Started: night})
	require.NoError(t, err)
	require.Equal(t, "daily-202611230130", plan.Snapshot)
	in := Evidence{Plan: plan.Plan, Snapshot: plan.Snapshot, Sample: "all,bytes=2G", Finished: night.Add(time.Minute), Verified: Verified{
		Tally: verify.Tally{Files: 3, Compared: 2, ByHost: 2, NotComparable: 1, Uncompared: []string{"/a"}}, RestoreSeconds: 2,
		WorkerVersion: "v1", Pool: "tank", Room: StorageRoom{Health: "ONLINE", Scrub: &zfs.Scrub{State: zfs.ScrubDone, At: &night}},
	}}
	for range 2 {
		require.NoError(t, c.RecordEvidence(t.Context(), in))
	}
	found, err := s.Verifications(t.Context(), catalog.VerificationFilter{Visible: catalog.Everything()})
	require.NoError(t, err)
	require.Len(t, found, 1)
	v := found[0]
	require.Equal(t, "proven", v.Outcome)
	require.JSONEq(t, `["/a"]`, string(v.Uncompared))
	require.JSONEq(t, `[]`, string(v.Findings))
	require.Equal(t, night, v.ScrubAt.UTC())
	require.EqualValues(t, 0, *v.ScrubErrors)
	require.Equal(t, 2.0, v.RestoreSeconds)

	_, err = c.LoadVerify(t.Context(), LoadVerifyInput{Host: ident.Host{Group: "acme", Name: "nobody"}, Run: "run-2", Started: night})
	require.Equal(t, ErrTypeNoHost, ErrType(err))
}
