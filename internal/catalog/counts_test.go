package catalog_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/policy"
)

// The counts that guards compare with are those of the last good snapshot,
// whichever that becomes, and the newest ones after it.
func TestCountsOfTheLastGoodBackup(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	check := func(wantGood, wantSince int64) {
		t.Helper()
		good, since, err := s.Counts(t.Context(), h.ID)
		require.NoError(t, err)
		for want, got := range map[int64]*policy.Counts{wantGood: good, wantSince: since} {
			if want == 0 {
				require.Nil(t, got)
			} else {
				require.Equal(t, want, got.Files)
			}
		}
	}
	inventory := []catalog.Snapshot{}
	backup := func(day int, state string, files int64) {
		t.Helper()
		r := start(h, fmt.Sprintf("run-%d", day))
		r.Started = base.AddDate(0, 0, day)
		detail, err := json.Marshal(map[string]any{"counts": policy.Counts{Files: files}})
		require.NoError(t, err)
		name := fmt.Sprintf("daily-2026112%d0130", day)
		inventory = append(inventory, catalog.Snapshot{Name: name, Created: r.Started, State: catalog.Text(state)})
		require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, inventory, base.AddDate(0, 0, 3)))
		require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{
			State: policy.StateWarning, Suspect: state == policy.StateSuspect, Finished: r.Started.Add(time.Minute),
			Snapshot: name, SnapshotCreated: &r.Started, Detail: detail,
		}))
	}
	check(0, 0)
	backup(1, policy.StateOK, 100)
	check(100, 0)
	backup(2, policy.StateSuspect, 20)
	check(100, 20)
	backup(3, policy.StateSuspect, 30)
	check(100, 30)

	o, err := s.HostOverview(t.Context(), web1, base.AddDate(0, 0, 3))
	require.NoError(t, err)
	require.True(t, o.SuspectSince.Equal(base.AddDate(0, 0, 2)))
	require.Equal(t, policy.HealthFailing, o.Health)
	require.True(t, o.LastGood.Equal(base.AddDate(0, 0, 1)), "last good does not move")

	inventory[1].State, inventory[2].State = policy.StateRejected, policy.StateOK
	require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, inventory, base.AddDate(0, 0, 3)))
	check(30, 0)
	o, err = s.HostOverview(t.Context(), web1, base.AddDate(0, 0, 3))
	require.NoError(t, err)
	require.Nil(t, o.SuspectSince)
	require.Equal(t, policy.HealthOK, o.Health)
}

func TestAChangeIsNotedOnce(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx := catalog.WithActor(t.Context(), "alice (cli)")
	for range 2 {
		require.NoError(t, s.NoteChange(ctx, "run-1", "host.accept", "acme/web1", map[string]any{"snapshots": []string{"daily-202611230130"}}))
	}
	require.NoError(t, s.NoteChange(ctx, "run-2", "host.accept", "acme/web1", nil))
	entries, err := s.Audit(t.Context(), "acme/web1", 10)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, "alice (cli)", entries[1].Actor)
	require.JSONEq(t, `{"run":"run-1","snapshots":["daily-202611230130"]}`, string(entries[1].Detail))
}
