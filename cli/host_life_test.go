package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/zfs"
	"planb/worker/operate"
)

// From the first look at a host to the destruction of its data, with all that
// goes on in between.
func TestHostLife(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o644))
	host, renamed := g+"/web1", g+"2/www"
	server := s.add(host, root)
	s.ok("group", "add", g+"2")

	var probe activities.ProbeReport
	require.NoError(t, json.Unmarshal([]byte(s.waits("host", "probe", host, "--json")), &probe))
	require.True(t, probe.Ready)
	require.True(t, probe.KeysLearned)
	require.Contains(t, probe.HostKeys, server.HostKey())
	require.NotEmpty(t, probe.Rsync)
	require.Contains(t, s.waits("host", "probe", host), "seen for the first time, not pinned")
	require.Regexp(t, `host key +`+"ssh-ed25519 .* \\(pinned\\)", s.waits("host", "probe", host, "--pin"))
	require.NotContains(t, s.waits("host", "probe", host), "not pinned")

	s.waits("backup", host, "--wait")
	var before []catalog.Snapshot
	s.json(&before, "snapshots", host)
	require.Len(t, before, 1)

	out := s.waits("host", "rename", host, renamed)
	require.Equal(t, "Renamed host "+host+" to "+renamed+". Its data is now in dataset "+s.parent+"/"+renamed+" on server store1.\n", out)
	d, err := s.zfs.Dataset(t.Context(), s.parent+"/"+renamed)
	require.NoError(t, err)
	require.Equal(t, renamed, d.Props[zfs.PropName])
	require.FileExists(t, filepath.Join(d.Mountpoint, activities.DataDir, "file"))
	var runs []catalog.Run
	s.json(&runs, "runs", renamed)
	require.Len(t, runs, 2)
	require.Equal(t, catalog.KindRename, runs[0].Kind)
	require.Equal(t, policy.StateOK, runs[0].State)
	require.Contains(t, string(runs[0].Message), renamed+" now, and its dataset")
	s.fails(exitRefused, "host", "rename", renamed, renamed)
	require.NotContains(t, s.ok("run", "show", runs[0].ID), "planb run log", "it has none")
	require.Contains(t, s.ok("run", "show", runs[1].ID), "planb run log")
	s.fails(exitRefused, "storage", "rm", "store1:"+s.parent, "--yes")

	// While another change of the host is under way, its snapshots are let be.
	by := catalog.Claimer{Run: "gone", WorkflowID: "rename/x", For: catalog.ForRename}
	claimed, err := s.store.ClaimHost(t.Context(), mustHost(t, renamed), by)
	require.NoError(t, err)
	for _, args := range [][]string{
		{"snapshot", "hold", renamed + "@" + before[0].Name, "--reason", "audit"}, {"prune", renamed, "--yes"}, {"host", "accept", renamed},
	} {
		_, _, stderr := s.run(args...)
		require.Contains(t, stderr, "is being renamed now", args)
	}
	require.NoError(t, s.store.ReleaseHost(t.Context(), claimed.ID, by.Run))
	var schedule []operate.Schedule
	s.json(&schedule, "schedule", "list")
	require.Len(t, schedule, 1)
	require.Equal(t, renamed, schedule[0].Host)
	require.Contains(t, s.ok("schedule", "check"), "agree")

	s.waits("backup", renamed, "--wait")
	var after []catalog.Snapshot
	s.json(&after, "snapshots", renamed)
	require.Len(t, after, 2)
	require.Equal(t, before[0].Name, after[0].Name)

	out = s.waits("host", "rm", renamed, "--yes")
	require.Contains(t, out, "Its data stays in dataset "+d.Name+" on server store1 until ")
	var stale []operate.StaleDataset
	s.json(&stale, "storage", "list", "--stale")
	require.Len(t, stale, 1)
	require.Equal(t, "removed", stale[0].Why)
	require.Equal(t, d.Name, stale[0].Dataset)
	require.NotNil(t, stale[0].Expires)
	require.Contains(t, s.ok("storage", "list", "--stale"), renamed)

	// Somebody regrets it.
	require.Contains(t, s.ok("storage", "keep", d.Name), "is kept for good")
	s.json(&stale, "storage", "list", "--stale")
	require.Nil(t, stale[0].Expires)
	s.fails(exitRefused, "storage", "keep", d.Name)
	s.fails(exitNotFound, "storage", "keep", s.parent+"/nothing")
	s.add(renamed, root)
	_, _, stderr := s.run("backup", renamed, "--wait", "--json")
	require.Contains(t, stderr, "holds the data of "+renamed+", which was removed on ")
	h, err := s.store.Host(t.Context(), mustHost(t, renamed))
	require.NoError(t, err)
	require.NoError(t, s.zfs.SetProps(t.Context(), d.Name, map[string]string{zfs.PropHost: h.ID}))
	s.waits("backup", renamed, "--wait")
	s.json(&after, "snapshots", renamed)
	require.Len(t, after, 3)
	s.json(&stale, "storage", "list", "--stale")
	require.Empty(t, stale)

	out = s.waits("host", "rm", renamed, "--purge", "--yes")
	require.Contains(t, out, "Its dataset "+d.Name+" on server store1 is destroyed.")
	_, err = s.zfs.Dataset(t.Context(), d.Name)
	require.ErrorIs(t, err, zfs.ErrNotExist)
	s.json(&runs, "runs", renamed)
	require.Equal(t, catalog.KindDelete, runs[0].Kind, "runs outlive their host")
	require.Contains(t, string(runs[0].Message), "was destroyed")
}
