package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/zfs"
	"planb/worker/operate"
)

// From the first look at a host to its removal by somebody who
// has no more than a token.
func TestHostLifeThroughServer(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o644))
	host, renamed := g+"/web1", g+"-2/www"
	server := s.add(host, root)
	s.ok("group", "add", g+"-2")
	manager := s.remote("admin:"+g, "admin:"+g+"-2")
	operator, viewer := s.remote("operator:"+g), s.remote("viewer:"+g)

	var probe activities.ProbeReport
	require.NoError(t, json.Unmarshal([]byte(operator.waits("host", "probe", host, "--json")), &probe))
	require.True(t, probe.Ready)
	require.Contains(t, probe.HostKeys, server.HostKey())
	require.Contains(t, operator.waits("host", "probe", host, "--pin"), "(pinned)")
	viewer.fails(exitRefused, "host", "probe", host)
	manager.fails(exitNotFound, "host", "probe", g+"/none")

	status, stdout, stderr := operator.run("backup", host, "--wait")
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, host+" ok, snapshot ")
	require.Regexp(t, `(?m)^`+host+`: \S`, stderr, "it says what it does")
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("another text"), 0o644))
	operator.waits("backup", host, "--wait", "--keep", "second")
	var snaps []catalog.Snapshot
	viewer.json(&snaps, "snapshots", host)
	require.Len(t, snaps, 2)
	require.Contains(t, viewer.ok("diff", host, snaps[0].Name, snaps[1].Name), "/file")
	require.Equal(t, s.ok("diff", host, snaps[0].Name, snaps[1].Name, "--json"), viewer.ok("diff", host, snaps[0].Name, snaps[1].Name, "--json"))

	operator.fails(exitRefused, "host", "rename", host, g+"/www")
	require.Contains(t, manager.fails(exitRefused, "host", "rename", host, g+"-3/www"), "may not move hosts to the group")
	require.Equal(t, "Renamed host "+host+" to "+renamed+". Its data is now in dataset "+s.parent+"/"+renamed+" on server store1.\n",
		manager.waits("host", "rename", host, renamed))
	d, err := s.zfs.Dataset(t.Context(), s.parent+"/"+renamed)
	require.NoError(t, err)
	require.Equal(t, renamed, d.Props[zfs.PropName])
	require.Contains(t, manager.fails(exitRefused, "host", "rename", renamed, renamed), "is called that already")

	operator.fails(exitNotFound, "host", "rm", renamed, "--yes")
	require.Contains(t, manager.fails(exitRefused, "host", "rm", renamed), "Say --yes")
	require.Contains(t, manager.waits("host", "rm", renamed, "--yes"),
		"Removed host "+renamed+". Its data stays in dataset "+d.Name+" on server store1 until ")
	_, err = s.store.Host(t.Context(), mustHost(t, renamed))
	require.True(t, catalog.IsNotFound(err))
	changes, err := s.store.Audit(t.Context(), renamed, 20)
	require.NoError(t, err)
	require.Equal(t, "host.remove", changes[len(changes)-1].Action)
	for _, c := range changes {
		require.Regexp(t, `^token .* \(api\)$`, c.Actor, c.Action)
	}
}

// A run that is cancelled from elsewhere ends at once, on both ends.
func TestRunCancelThroughServer(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	host := g + "/web1"
	run, server := s.pulling(host)
	viewer, operator := s.remote("viewer:"+g), s.remote("operator:"+g)
	viewer.fails(exitRefused, "run", "cancel", run.ID)
	require.Contains(t, operator.ok("run", "cancel", run.ID), "backup of "+host+" cancelled")
	ended, err := s.store.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, policy.StateCancelled, ended.State)
	require.Eventually(t, func() bool { return len(server.Descendants()) == 0 && s.free(host) }, 10*time.Second, 50*time.Millisecond)
	require.Contains(t, operator.fails(exitRefused, "run", "cancel", run.ID), "ended already")

	dataset := s.parent + "/" + host
	require.Equal(t, "Removed host "+host+". Its dataset "+dataset+" on server store1 is destroyed.\n",
		s.remote("admin:"+g).waits("host", "rm", host, "--purge", "--yes"))
	_, err = s.zfs.Dataset(t.Context(), dataset)
	require.ErrorIs(t, err, zfs.ErrNotExist)
}

// What people decide about snapshots from elsewhere is so on the pool.
func TestSnapshotsThroughServer(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "16d")
	g := group(t)
	operator, manager := f.remote("operator:"+g), f.remote("admin:"+g)
	good, one, two := f.take(3, policy.StateOK), f.take(2, policy.StateSuspect), f.take(1, policy.StateSuspect)
	f.listed()
	require.Equal(t, "Rejected 1 snapshot of "+f.host+": "+one+".\nStill suspect: 1 snapshot, so nothing is pruned yet.\n",
		operator.waits("host", "reject", f.host+"@"+one))
	require.Equal(t, "Accepted 1 snapshot of "+f.host+": "+two+".\n", operator.waits("host", "accept", f.host))
	require.Equal(t, two, f.record().LastGoodSnapshot)
	status, _, stderr := operator.run("host", "accept", f.host)
	require.Equal(t, exitRefused, status)
	require.Contains(t, stderr, "has no suspect snapshot")
	operator.fails(exitNotFound, "host", "accept", f.host+"x")

	target := f.host + "@" + good
	require.Equal(t, "Held "+target+".\n", operator.waits("snapshot", "hold", target, "--reason", "audit"))
	require.True(t, f.listed()[good].Held)
	status, _, stderr = manager.run("snapshot", "rm", target, "--yes")
	require.Equal(t, exitRefused, status, stderr)
	require.Contains(t, manager.fails(exitRefused, "host", "rm", f.host, "--purge", "--yes"), "is held")
	operator.fails(exitRefused, "snapshot", "release", target)
	require.Equal(t, "Released "+target+".\n", manager.waits("snapshot", "release", target))
	require.False(t, f.listed()[good].Held)
	require.Equal(t, "Removed "+target+".\n", manager.waits("snapshot", "rm", target, "--yes"))
	require.NotContains(t, f.listed(), good)
	require.Regexp(t, `^token .* \(api\)$`, f.audited("snapshot.remove").Actor)
}

// The record of a host, from elsewhere.
func TestHostRecordThroughServer(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	admin := p.remote("admin")
	host, clone := g+"/web1", g+"/web2"
	require.Equal(t, "Added group "+g+".\nAdded host "+host+". Next: planb backup "+host+" --wait\n",
		admin.ok("host", "add", host, "--address", "web1.example", "--keep", "7d", "--tag", "prod", "--notes", "ours"))
	operator := p.remote("operator:" + g)
	require.Equal(t, "Changed host "+host+".\n", admin.ok("host", "edit", host, "--every", "6h", "--tag", "test", "--unset", "keep"))
	shown, err := p.store.HostShown(t.Context(), mustHost(t, host), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{"test"}, shown.Tags)
	require.Equal(t, "6h", shown.Policy.Every.Value.String())
	require.NotEqual(t, policy.LevelHost, shown.Policy.Keep.From)

	require.Equal(t, "Disabled host "+host+".\n", operator.ok("host", "disable", host, "--reason", "moving"))
	h, err := p.store.Host(t.Context(), mustHost(t, host))
	require.NoError(t, err)
	require.False(t, h.Enabled)
	require.Equal(t, "moving", h.DisabledReason)
	require.Equal(t, "Enabled host "+host+".\n", operator.ok("host", "enable", host))
	h, err = p.store.Host(t.Context(), h.Ident())
	require.NoError(t, err)
	require.True(t, h.Enabled)

	require.Equal(t, "Added host "+clone+".\n", admin.ok("host", "clone", host, clone, "--address", "web2.example", "--disabled", "new"))
	c, err := p.store.Host(t.Context(), mustHost(t, clone))
	require.NoError(t, err)
	require.Equal(t, "web2.example", c.Address)
	require.Equal(t, []string{"test"}, c.Tags)
	require.Equal(t, "ours", c.Notes)
	require.Equal(t, "new", c.DisabledReason)
	require.Contains(t, admin.ok("host", "show", clone, "--json"), `"every":{"value":"6h","from":"host"`)
	operator.fails(exitRefused, "host", "clone", host, g+"/web3", "--address", "web3.example")
	p.ok("group", "add", g+"-other")
	// A host of others is as one that is not there.
	p.remote("admin:"+g+"-other").fails(exitNotFound, "host", "clone", host, g+"-other/web3", "--address", "web3.example")
	require.Equal(t, "Renamed host "+clone+" to "+g+"/www. It has no data yet.\n", admin.ok("host", "rename", clone, g+"/www"))
	require.Equal(t, "Removed host "+g+"/www. It has no data yet.\n", admin.ok("host", "rm", g+"/www", "--yes"))
	var schedule []operate.Schedule // of this catalog: tests share the schedules of one namespace
	p.json(&schedule, "schedule", "list")
	require.Len(t, schedule, 1)
	require.Equal(t, host, schedule[0].Host)
	require.False(t, schedule[0].Paused)
}
