package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/command"
	"planb/internal/devstack"
	"planb/internal/sshx/sshtest"
	"planb/internal/zfs"
)

// requireFailedBackup checks that a backup fails in one line that says what is
// wrong and what to do, that the catalog says the same, and that nothing came
// to the pool.
func requireFailedBackup(t testing.TB, host, says, remedy string) {
	t.Helper()
	before := snapshotsOn(t, host)
	r := planb(t, "backup", host, "--wait")
	require.Equal(t, failed, r.code, r.stdout+r.stderr)
	// Before the line come those that say how far the run is.
	require.Equal(t, 1, strings.Count(r.stderr, "planb: "), r.stderr)
	line := r.stderr[strings.Index(r.stderr, "planb: "):]
	require.Equal(t, 1, strings.Count(line, "\n"), line)
	require.Contains(t, line, says)
	require.Contains(t, line, remedy)
	run := listing(t, "runs", host)[0]
	requireFields(t, run, runFields)
	require.Equal(t, "failed", run["state"])
	require.Contains(t, run["message"], says)
	require.Nil(t, run["snapshot"])
	require.NotNil(t, run["finished"])
	require.Equal(t, before, snapshotsOn(t, host))
	require.Equal(t, "failed", find(t, listing(t, "host", "list"), "host", host)["state"])
}

// snapshotsOn are the names of a host's snapshots on the pool of the stack;
// nil when it has no dataset.
func snapshotsOn(t testing.TB, host string) []string {
	t.Helper()
	dataset := stack.Storage + "/" + host
	all := zfsOut(t, "list", "-H", "-o", "name", "-t", "filesystem", "-r", stack.Storage)
	for name := range strings.Lines(all + "\n") {
		if name == dataset+"\n" {
			return snapshotsOnPool(t, dataset)
		}
	}
	return nil
}

func TestUnreachableHost(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	s.Kill()
	addHost(t, "away/web1", s, "--include", "etc")
	requireFailedBackup(t, "away/web1", fmt.Sprintf("port %d", s.Target.Port), "check that it is up")
	must(t, "host", "edit", "away/web1", "--address", "nosuchhost.invalid")
	requireFailedBackup(t, "away/web1", "nosuchhost.invalid", "")
	require.Nil(t, snapshotsOn(t, "away/web1"))
}

func TestRefusedKey(t *testing.T) {
	t.Parallel()
	s, other := sshtest.Server(t), sshtest.Server(t)
	s.Target.KeyFile = other.Target.KeyFile
	addHost(t, "locked/web1", s, "--include", "etc")
	requireFailedBackup(t, "locked/web1", "key", "authorized_keys")
	must(t, "host", "edit", "locked/web1", "--ssh-key", filepath.Join(s.Dir, "no such key"))
	requireFailedBackup(t, "locked/web1", "no such key", "")
	require.Nil(t, snapshotsOn(t, "locked/web1"))
}

func TestChangedHostKey(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "changed/web1", s, "--include", "etc")
	backupOK(t, "changed/web1")
	s.NewHostKey()
	requireFailedBackup(t, "changed/web1", "host key", "planb host edit changed/web1 --host-key")
	require.Len(t, snapshotsOn(t, "changed/web1"), 1)

	must(t, "host", "edit", "changed/web1", "--host-key", s.HostKey())
	backupOK(t, "changed/web1")
}

// Somebody else's dataset of that name is on the pool already.
func TestDatasetOfSomebodyElse(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "theirs/web1", s, "--include", "etc")
	dataset := stack.Storage + "/theirs/web1"
	// By the client, since two mounts at once are too much for zfs-fuse.
	_, created, err := zfs.New(zfs.Options{}).EnsureDataset(t.Context(), dataset, nil)
	require.NoError(t, err)
	require.True(t, created)
	file := filepath.Join(zfsGet(t, "mountpoint", dataset), "precious")
	require.NoError(t, os.WriteFile(file, []byte("theirs\n"), 0o644))

	requireFailedBackup(t, "theirs/web1", dataset+" is there already and does not belong to theirs/web1", "zfs set planb:host=")
	require.Equal(t, "theirs\n", read(t, file))
	zfsOut(t, "set", "planb:host=00000000-0000-0000-0000-000000000000", dataset)
	zfsOut(t, "set", "planb:name=theirs/web9", dataset)
	requireFailedBackup(t, "theirs/web1", dataset+" belongs to another host, theirs/web9", "--dataset")
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	must(t, "host", "edit", "theirs/web1", "--dataset", dataset+"-mine")
	backupOK(t, "theirs/web1")
}

// A second storage server whose pool goes away and comes back. Not parallel:
// while it is known, hosts elsewhere would have to say which storage they mean.
func TestPoolThatWentAway(t *testing.T) {
	dir := t.TempDir()
	pool := devstack.NewZFS(filepath.Join(dir, "spare"))
	require.NoError(t, pool.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, pool.Stop(context.Background())) })
	t.Cleanup(func() { forgetStorage(t, "spare") })
	storageWorker(t, dir, "spare", pool.Storage())
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "spare/web1", s, "--include", "etc", "--storage", "spare:"+pool.Storage())
	t.Cleanup(func() { must(t, "host", "rm", "spare/web1", "--yes") })
	backupOK(t, "spare/web1")

	require.NoError(t, pool.Stop(t.Context()))
	requireFailedBackup(t, "spare/web1", "the storage "+pool.Storage()+" is not there on server spare", "zpool import")
	require.NoError(t, pool.Start(t.Context()))
	backupOK(t, "spare/web1")
	require.Len(t, snapshotsOnPool(t, pool.Storage()+"/spare/web1"), 2)
}

// storageWorker runs `planb worker` as another storage server, and waits until
// its storage is known. It ends with the test.
func storageWorker(t testing.TB, dir, server, dataset string) {
	t.Helper()
	config := filepath.Join(dir, "planb.yaml")
	write(t, dir, "planb.yaml", fmt.Sprintf(`server: %s
state: %q
temporal: {address: %q, namespace: %s}
storages: [{dataset: %q}]
data: {listen: "127.0.0.1:%d", key: %q}
`, server, filepath.Join(dir, "state"), stack.TemporalAddress, stack.Namespace, dataset, sshtest.FreePort(t), strings.Repeat("k", 32)))
	log, err := os.Create(filepath.Join(dir, "worker.log"))
	require.NoError(t, err)
	var pid atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- command.Run(context.Background(), command.Cmd{
			Argv: []string{program, "--config", config, "worker"}, Stderr: log,
			Started: func(p int) { pid.Store(int64(p)) },
		})
	}()
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(int(pid.Load()), syscall.SIGTERM))
		require.NoError(t, <-ended)
		require.NoError(t, log.Close())
	})
	require.Eventually(t, func() bool {
		for _, st := range listing(t, "storage", "list") {
			if st["server"] == server {
				return true
			}
		}
		return false
	}, patience, patience/200, "the worker did not register: %s", filepath.Join(dir, "worker.log"))
}
