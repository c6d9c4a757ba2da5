package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

// The story that everything else hangs on.
func TestBackUpChangeAndRestore(t *testing.T) {
	src := source(t)
	s := sshtest.Server(t)
	out := must(t, append(addArgs("acme/web1", s), "--include", src)...)
	require.Contains(t, out, "Added group acme.")
	require.Contains(t, out, "Added host acme/web1.")

	r := planb(t, "backup", "acme/web1", "--wait", "--json")
	require.Equal(t, done, r.code, r.stderr)
	require.Contains(t, r.stdout, `"state":"ok"`)
	run := decode(t, r.stdout)[0]
	first := run["snapshot"].(string)
	requireFields(t, run, runFields)
	require.Positive(t, run["files_total"])
	require.Greater(t, run["bytes_transferred"], float64(bigSize/2))
	dataset := stack.Storage + "/acme/web1"
	require.Contains(t, snapshotsOnPool(t, dataset), dataset+"@"+first)
	harness.RequireSame(t, src, restore(t, "acme/web1@"+first, src))

	was := filepath.Join(t.TempDir(), "as it was")
	require.NoError(t, exec.Command("cp", "-a", src, was).Run())
	scribble(t, filepath.Join(src, "big"), bigSize/8, bigSize/100)
	write(t, src, "etc/hostname", "web1.acme.example\n")
	write(t, src, "etc/new file", "new\n")
	require.NoError(t, os.Remove(filepath.Join(src, strangeName)))
	require.NoError(t, os.Lchown(filepath.Join(src, "zero bytes"), 4242, 0))
	run = backup(t, "acme/web1")
	require.Equal(t, "ok", run["state"], "%v", run)
	require.EqualValues(t, 3, run["files_transferred"])
	require.EqualValues(t, 1, run["files_deleted"])
	require.Less(t, run["bytes_transferred"], float64(bigSize/8))
	second := run["snapshot"].(string)

	// The newest snapshot is as the source is, the first as it was.
	now, before := restore(t, "acme/web1", src), restore(t, "acme/web1@"+first, src)
	harness.RequireSame(t, src, now)
	harness.RequireSame(t, was, before)
	require.ElementsMatch(t, []string{
		`*deleting   new\#012line and "quotes" and -dash`,
		">fcst...... etc/hostname",
		">fc.t...... big",
		">f+++++++++ etc/new file",
		".f....o.... zero bytes",
		".d..t...... ./", ".d..t...... etc/",
	}, harness.Changes(t, now, before))

	// In place: what changed is what the pool had to store again.
	require.Eventually(t, func() bool {
		used := zfsNumber(t, "used", dataset+"@"+first)
		return used > bigSize/100 && used < bigSize/8
	}, 15*time.Second, 200*time.Millisecond, "the first snapshot should hold little but the 1 %% that changed")

	snaps := listing(t, "snapshots", "acme/web1")
	require.Len(t, snaps, 2)
	require.Equal(t, first, snaps[0]["snapshot"])
	require.Equal(t, second, snaps[1]["snapshot"])
	require.Equal(t, "ok", zfsGet(t, "planb:state", dataset+"@"+second))
}

// An exclude that is added later takes its files out of the next snapshot, and
// leaves the older one alone.
func TestExcludeAddedLater(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "excl/web1", s, "--include", "/")
	first := backupOK(t, "excl/web1")
	must(t, "host", "edit", "excl/web1", "--exclude", "etc/nginx", "--exclude", "*.txt", "--exclude", "big")
	run := backup(t, "excl/web1")
	require.Equal(t, "ok", run["state"], "%v", run)
	require.EqualValues(t, 4, run["files_deleted"])

	harness.RequireSame(t, src, restore(t, "excl/web1@"+first, "/"))
	require.ElementsMatch(t, []string{
		">f+++++++++ big",
		"cd+++++++++ etc/nginx/", ">f+++++++++ etc/nginx/nginx.conf",
		">f+++++++++ Übergröße/日本語/ñandú.txt",
	}, harness.Changes(t, src, restore(t, "excl/web1", "/")))
}

// What a host has under the parents of its includes is not its own business.
func TestIncludesAreAllThatIsTaken(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "incl/web1", s, "--include", "etc", "--include", "/Übergröße")
	snapshot := backupOK(t, "incl/web1")
	to := t.TempDir()
	must(t, "restore", "incl/web1@"+snapshot, "/", "--to", to)
	for _, there := range []string{"etc", "Übergröße"} {
		harness.RequireSame(t, filepath.Join(src, there), filepath.Join(to, there))
	}
	entries, err := os.ReadDir(to)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

// A file restored over another stays as it is, unless asked otherwise.
func TestRestoreOneFile(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "one/web1", s, "--include", "/")
	snapshot := backupOK(t, "one/web1")
	to := t.TempDir()
	restored := filepath.Join(to, "etc/hostname")
	must(t, "restore", "one/web1", "/etc/hostname", "--to", to)
	require.Equal(t, "web1\n", read(t, restored))
	require.NoFileExists(t, filepath.Join(to, "etc/nginx"))

	write(t, to, "etc/hostname", "mine\n")
	must(t, "restore", "one/web1", "/etc/hostname", "--to", to)
	require.Equal(t, "mine\n", read(t, restored))
	must(t, "restore", "one/web1@"+snapshot, "/etc/hostname", "--to", to, "--overwrite")
	require.Equal(t, "web1\n", read(t, restored))

	r := planb(t, "restore", "one/web1", "/etc/no-such-file", "--to", to)
	requireOneLine(t, r, notFound, "there is no /etc/no-such-file")
	r = planb(t, "restore", "one/web1@daily-200001010000", "/etc", "--to", to)
	requireOneLine(t, r, notFound, "has no snapshot daily-200001010000: see planb snapshots one/web1")
}

// The listings have the fields that scripts rely on, before and after the
// first backup.
func TestFieldsOfListings(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "fields/web1", s, "--include", "etc", "--window", "22:00-06:00", "--tz", "Europe/Amsterdam", "--every", "1d")
	host := find(t, listing(t, "host", "list", "--group", "fields"), "host", "fields/web1")
	requireFields(t, host, hostFields)
	for field, want := range map[string]any{
		"group": "fields", "name": "web1", "enabled": true, "health": "never",
		"state": nil, "last_good": nil, "last_run": nil, "snapshots": float64(0), "used_bytes": nil,
	} {
		require.Equal(t, want, host[field], field)
	}
	require.NotNil(t, host["next_run"])
	require.Empty(t, listing(t, "snapshots", "fields/web1"))
	require.Empty(t, listing(t, "runs", "fields/web1"))

	run := backup(t, "fields/web1")
	requireFields(t, run, runFields)
	for field, want := range map[string]any{
		"host": "fields/web1", "kind": "backup", "trigger": "manual", "state": "ok", "message": nil,
		"workflow_id": "backup/fields/web1", "workflow_run_id": run["run"], "warnings": float64(0),
	} {
		require.Equal(t, want, run[field], field)
	}
	runs := listing(t, "runs", "fields/web1")
	require.Len(t, runs, 1)
	requireFields(t, runs[0], runFields)
	require.Equal(t, run, runs[0])

	snaps := listing(t, "snapshots", "fields/web1")
	require.Len(t, snaps, 1)
	requireFields(t, snaps[0], snapshotFields)
	for field, want := range map[string]any{
		"host": "fields/web1", "snapshot": run["snapshot"], "state": "ok", "run": run["run"], "held": false, "hold_reason": nil,
		"tiers": []any{"yearly", "monthly", "weekly", "daily", "hourly"},
	} {
		require.Equal(t, want, snaps[0][field], field)
	}

	host = find(t, listing(t, "host", "list"), "host", "fields/web1")
	requireFields(t, host, hostFields)
	require.Equal(t, "ok", host["health"])
	require.Equal(t, "ok", host["state"])
	require.Equal(t, snaps[0]["created"], host["last_good"])
	require.Equal(t, run["started"], host["last_run"])
	require.EqualValues(t, 1, host["snapshots"])
	require.Positive(t, host["used_bytes"])

	schedule := find(t, listing(t, "schedule", "list"), "host", "fields/web1")
	requireFields(t, schedule, scheduleFields)
	require.Equal(t, host["next_run"], schedule["next"])
	for field, want := range map[string]any{
		"every": "1d", "window": "22:00-06:00", "timezone": "Europe/Amsterdam", "paused": false, "pause_reason": nil,
	} {
		require.Equal(t, want, schedule[field], field)
	}
	must(t, "host", "disable", "fields/web1", "--reason", "being moved")
	host = find(t, listing(t, "host", "list"), "host", "fields/web1")
	require.Equal(t, "paused", host["health"])
	require.Nil(t, host["next_run"])
	schedule = find(t, listing(t, "schedule", "list"), "host", "fields/web1")
	require.Equal(t, true, schedule["paused"])
	require.Equal(t, "disabled: being moved", schedule["pause_reason"])
	require.Nil(t, schedule["next"])
}
