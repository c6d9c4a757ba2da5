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
	"planb/internal/rsync"
)

// What is done to the data of a host, from elsewhere: the same files, snapshots
// and evidence, and the same words, as where the database is.
func TestWorkThroughServer(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	src, host := t.TempDir(), "work/web1"
	conf := filepath.Join(src, "etc", "app.conf")
	require.NoError(t, os.MkdirAll(filepath.Dir(conf), 0o755))
	require.NoError(t, os.WriteFile(conf, []byte("one\n"), 0o644))
	s.add(host, src, "--floor", "9") // so that no backup prunes
	r := s.remote("admin")
	for _, text := range []string{"one\n", "two\n"} {
		require.NoError(t, os.WriteFile(conf, []byte(text), 0o644))
		r.waits("backup", host, "--wait")
	}
	same := func(args ...string) {
		t.Helper()
		require.JSONEq(t, s.ok(append(args, "--json")...), r.ok(append(args, "--json")...), "planb %q", args)
	}

	same("schedule", "list")
	same("schedule", "list", host)
	same("schedule", "check")
	same("schedule", "sync")
	same("storage", "list", "--stale")
	same("billing", "list")

	r.waits("backup", host, "--wait", "--keep", "audit")
	s.ok("host", "edit", host, "--floor", "1")
	same("snapshots", host)
	same("prune", host, "--dry-run")
	var plan []activities.PlannedSnapshot
	require.NoError(t, json.Unmarshal([]byte(r.waits("prune", host, "--dry-run", "--json")), &plan))
	var stay, gone []string
	for _, p := range plan {
		if p.Action == policy.ActionRemove {
			gone = append(gone, p.Snapshot)
		} else {
			stay = append(stay, p.Snapshot)
		}
	}
	require.NotEmpty(t, gone)
	dataset, err := s.store.Host(t.Context(), mustHost(t, host))
	require.NoError(t, err)
	onPool := func() (names []string) {
		list, err := s.zfs.Snapshots(t.Context(), dataset.Dataset)
		require.NoError(t, err)
		for _, one := range list {
			names = append(names, one.Name)
		}
		return names
	}
	require.Subset(t, onPool(), gone, "a dry run removes nothing")
	require.Contains(t, r.waits("prune", host, "--yes"), "of "+host+", kept ")
	require.ElementsMatch(t, stay, onPool())

	require.Contains(t, r.waits("verify", host), ": proven")
	require.Contains(t, r.waits("verify", host, "--all"), ": proven")
	same("verify", "--report", host)
	same("verify", "--report", "--group", "work")
	require.Contains(t, r.fails(exitNotFound, "verify", "--report", "work/none"), "work/none")

	to := filepath.Join(t.TempDir(), "back")
	var changes []rsync.RestoredPath
	require.NoError(t, json.Unmarshal([]byte(r.waits("restore", host, "/etc", "--to", to, "--dry-run", "--json")), &changes))
	require.NotEmpty(t, changes)
	require.NoDirExists(t, to)
	require.Contains(t, r.waits("restore", host, "/etc", "--to", to), "restored from ")
	require.Equal(t, "two\n", read(t, filepath.Join(to, "etc/app.conf")))
	require.NoError(t, os.WriteFile(filepath.Join(to, "etc/app.conf"), []byte("mine, and longer\n"), 0o644))
	require.Contains(t, r.waits("restore", host, "/etc", "--to", to), "left alone")
	require.Equal(t, "mine, and longer\n", read(t, filepath.Join(to, "etc/app.conf")))
	r.waits("restore", host, "/etc", "--to", to, "--overwrite")
	require.Equal(t, "two\n", read(t, filepath.Join(to, "etc/app.conf")))
	require.Contains(t, r.fails(exitNotFound, "restore", host, "/none", "--to", to), "none")

	s.ok("group", "add", "other")
	// A place of one's own choice on the storage server is for admins of all.
	some := s.remote("restorer:work")
	require.Contains(t, some.fails(exitUsage, "restore", host, "/etc", "--to", "/etc/cron.d"), "it is made as /srv/restored/work@NAME")
	some.fails(exitNotFound, "restore", host, "/etc", "--to-host=other/web1")
	require.Contains(t, some.fails(exitRefused, "prune", host, "--yes"), "This takes the right to manage")
	require.Contains(t, s.remote("viewer:work").fails(exitRefused, "restore", host, "/etc", "--to", to), "This takes the right to restore")
	require.Contains(t, some.fails(exitRefused, "schedule", "check"), "right")
	require.Equal(t, "[]\n", s.remote("viewer:other").ok("schedule", "list", "--json"))
	require.Equal(t, "[]\n", s.remote("viewer:other").ok("verify", "--report", "--json"))

	runs, err := s.store.Runs(t.Context(), catalog.RunFilter{Kind: catalog.KindRestore, Limit: 10})
	require.NoError(t, err)
	require.Len(t, runs, 4)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}
