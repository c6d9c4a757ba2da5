package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
	"planb/worker"
)

// fleet is planb with its workers, in a namespace of Temporal of its own, and a
// host whose dataset is on a real pool.
type fleet struct {
	*planb
	zfs     *zfs.Client
	host    string
	dataset string
	night   time.Time
}

func newFleet(t *testing.T, keep string) *fleet {
	t.Helper()
	p, g := newPlanb(t), group(t)
	p.environ = append(p.environ, "PLANB_TEMPORAL_NAMESPACE="+g)
	cfg, err := config.Load("", append(p.environ, "PLANB_SERVER=store1"))
	require.NoError(t, err)
	tc, err := worker.Dial(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(tc.Close)
	ready, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, worker.PrepareNamespace(ready, tc, g, slog.Default()))

	client, parent := zfstest.Pool(t)
	f := &fleet{planb: p, zfs: client, host: g + "/web1", dataset: parent + "/" + g + "/web1", night: time.Now().UTC().Truncate(time.Minute)}
	for _, w := range []*worker.Group{
		worker.NewControl(tc, cfg, &activities.Control{Catalog: p.store, Now: time.Now, Log: slog.Default()}),
		worker.NewStorage(tc, cfg, &activities.Storage{ZFS: client, State: cfg.State, Parents: []string{parent}, Root: true, Now: time.Now, Log: slog.Default()}),
	} {
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	p.ok("host", "add", f.host, "--address", "web1.example", "--keep", keep)
	h := f.record()
	require.NoError(t, p.store.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: parent, SeenAt: time.Now()}))
	_, err = p.store.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	_, _, err = client.EnsureDataset(t.Context(), f.dataset, map[string]string{zfs.PropHost: h.ID, zfs.PropName: f.host})
	require.NoError(t, err)
	require.NoError(t, p.store.MarkDatasetMade(t.Context(), h.ID))
	return f
}

func (f *fleet) record() catalog.Host {
	f.t.Helper()
	name, err := ident.ParseHost(f.host)
	require.NoError(f.t, err)
	h, err := f.store.Host(f.t.Context(), name)
	require.NoError(f.t, err)
	return h
}

// take takes a daily snapshot, so many days old by its name.
func (f *fleet) take(daysAgo int, state string) (name string) {
	f.t.Helper()
	name = "daily-" + f.night.AddDate(0, 0, -daysAgo).Format("200601021504")
	_, _, err := f.zfs.TakeSnapshot(f.t.Context(), f.dataset, name, map[string]string{zfs.PropState: state})
	require.NoError(f.t, err)
	return name
}

// listed gives the snapshots of planb snapshots by name.
func (f *fleet) listed() map[string]catalog.Snapshot {
	f.t.Helper()
	var list []catalog.Snapshot
	f.json(&list, "snapshots", f.host)
	byName := map[string]catalog.Snapshot{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}

// done runs a command that waits, and so tells its progress on stderr.
func (f *fleet) done(args ...string) string {
	f.t.Helper()
	status, stdout, stderr := f.run(args...)
	require.Zero(f.t, status, "planb %s: %s", strings.Join(args, " "), stderr)
	return stdout
}

// refused gives the last line of a command that fails after it waited.
func (f *fleet) refused(status int, args ...string) string {
	f.t.Helper()
	got, stdout, stderr := f.run(args...)
	require.Equal(f.t, status, got, "planb %s: %s", strings.Join(args, " "), stderr)
	require.Empty(f.t, stdout)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	return lines[len(lines)-1]
}

func (f *fleet) audited(action string) catalog.AuditEntry {
	f.t.Helper()
	entries, err := f.store.Audit(f.t.Context(), f.host, 20)
	require.NoError(f.t, err)
	for _, e := range entries {
		if e.Action == action {
			return e
		}
	}
	require.Fail(f.t, "there is no "+action+" in the audit log")
	return catalog.AuditEntry{}
}

func TestSnapshotsAreHeldReleasedAndRemoved(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "16d")
	old, newest := f.take(1, policy.StateOK), f.take(0, policy.StateOK)
	day := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	require.Equal(t, "Held "+f.host+"@"+old+" until the end of "+day+".\n", f.done("snapshot", "hold", f.host+"@"+old, "--reason", "audit 2026", "--until", day))
	held := f.listed()[old]
	require.True(t, held.Held)
	require.Equal(t, catalog.Text("audit 2026"), held.HoldReason)
	require.Equal(t, day, held.HoldUntil.Add(-time.Second).UTC().Format(time.DateOnly))
	require.Contains(t, f.ok("snapshots", f.host), "held audit 2026, until ")
	require.Regexp(t, old+` .* held: audit 2026`, f.ok("snapshots", f.host))
	require.Regexp(t, newest+` .*daily 1 of 16`, f.ok("snapshots", f.host))
	require.Contains(t, f.audited("snapshot.hold").Actor, "(cli)")

	require.Contains(t, f.refused(exitRefused, "snapshot", "rm", f.host+"@"+old, "--yes"), "is held (audit 2026): release it first")
	require.Contains(t, f.refused(exitRefused, "snapshot", "rm", f.host+"@"+newest, "--yes"), "newest good")
	require.Equal(t, "Released "+f.host+"@"+old+".\n", f.done("snapshot", "release", f.host+"@"+old))
	require.False(t, f.listed()[old].Held)
	require.Contains(t, f.fails(exitRefused, "snapshot", "rm", f.host+"@"+old), "--yes")
	require.Equal(t, "Removed "+f.host+"@"+old+".\n", f.done("snapshot", "rm", f.host+"@"+old, "--yes"))
	require.NotContains(t, f.listed(), old)
	require.Contains(t, f.refused(exitNotFound, "snapshot", "rm", f.host+"@"+old, "--yes"), "has no snapshot "+old)

	for _, tc := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "--reason", []string{"snapshot", "hold", f.host + "@" + newest}},
		{exitUsage, "is not a day", []string{"snapshot", "hold", f.host + "@" + newest, "--reason", "x", "--until", "soon"}},
		{exitUsage, "is over", []string{"snapshot", "hold", f.host + "@" + newest, "--reason", "x", "--until", "2020-01-01"}},
		{exitUsage, "name the snapshot, too", []string{"snapshot", "release", f.host}},
		{exitNotFound, "no host", []string{"snapshot", "release", f.host + "x@" + newest}},
	} {
		require.Contains(t, f.fails(tc.status, tc.args...), tc.says)
	}
}

func TestPruneShowsAsksAndDoes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "2d")
	for i := range 10 {
		f.take(i, policy.StateOK)
	}
	var plan []activities.PlannedSnapshot
	f.jsonAfterProgress(&plan, "prune", f.host, "--dry-run")
	require.Len(t, plan, 10)
	require.Equal(t, "keep", plan[0].Action)
	require.Equal(t, []string{"not needed for 2d"}, plan[9].Reasons)
	require.Contains(t, f.refused(exitRefused, "prune", f.host), "Remove 7 of the 10 snapshots of "+f.host+"? Say --yes")

	require.Contains(t, f.done("prune", f.host, "--yes"), "Removed 7 snapshots of "+f.host+", kept 3.")
	require.Len(t, f.listed(), 3)
	require.Contains(t, f.audited("host.prune").Actor, "(cli)")
	var runs []catalog.Run
	f.json(&runs, "runs", f.host)
	require.Len(t, runs, 1, "planning is no run")
	require.Equal(t, catalog.KindPrune, runs[0].Kind)
	require.Equal(t, catalog.Text("7 snapshots removed, 3 kept"), runs[0].Message)
	require.Regexp(t, `pruned +7 snapshots`, f.ok("run", "show", runs[0].ID))
	require.Contains(t, f.done("prune", f.host), "Removed 0 snapshots of "+f.host+", kept 3.")
}

func TestAcceptAndReject(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "16d")
	require.Contains(t, f.refused(exitRefused, "host", "accept", f.host), "has no suspect snapshot")
	good, one, two := f.take(3, policy.StateOK), f.take(2, policy.StateSuspect), f.take(1, policy.StateSuspect)

	require.Contains(t, f.done("host", "reject", f.host+"@"+one), "Rejected 1 snapshot of "+f.host+": "+one+".\nStill suspect: 1 snapshot")
	require.Equal(t, good, f.record().LastGoodSnapshot)
	var shown catalog.HostShown
	f.json(&shown, "host", "show", f.host)
	require.Equal(t, policy.HealthFailing, shown.Health)
	require.NotNil(t, shown.SuspectSince)
	require.Contains(t, f.ok("host", "show", f.host), "suspect since")

	require.Equal(t, "Accepted 1 snapshot of "+f.host+": "+two+".\n", f.done("host", "accept", f.host))
	require.Equal(t, two, f.record().LastGoodSnapshot)
	require.Equal(t, catalog.Text(policy.StateRejected), f.listed()[one].State)
	require.JSONEq(t, `["`+two+`"]`, snapshotsOf(t, f.audited("host.accept")))
	f.json(&shown, "host", "show", f.host)
	require.Equal(t, policy.HealthOK, shown.Health)
	require.Nil(t, shown.SuspectSince)
	f.fails(exitNotFound, "host", "accept", f.host+"x")
	f.fails(exitUsage, "host", "accept")
}

// jsonAfterProgress is json for a command that waits.
func (f *fleet) jsonAfterProgress(v any, args ...string) {
	f.t.Helper()
	require.NoError(f.t, json.Unmarshal([]byte(f.done(append(args, "--json")...)), v))
}

func snapshotsOf(t *testing.T, e catalog.AuditEntry) string {
	t.Helper()
	var detail map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(e.Detail, &detail))
	return string(detail["snapshots"])
}
