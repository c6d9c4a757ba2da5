//go:build faults

package faults

import (
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/e2e/harness"
	"planb/internal/config"
	"planb/internal/policy"
	"planb/internal/zfs"
	"planb/worker"
)

// clock is one that can jump.
type clock struct{ ahead atomic.Int64 }

func (c *clock) jump(ahead time.Duration) { c.ahead.Store(int64(ahead)) }
func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }

// startWorker runs the storage worker of a server of its own in this process,
// true in all but its clock.
func startWorker(t testing.TB, server, parent string, now func() time.Time) {
	t.Helper()
	tc := temporal(t)
	state := t.TempDir()
	storage := &activities.Storage{
		ZFS: zfs.New(zfs.Options{ViewDir: state + "/views"}), State: state, Parents: []string{parent},
		PerAddress: 1, Root: os.Geteuid() == 0, Now: now, Log: slog.Default(),
	}
	t.Cleanup(func() { require.NoError(t, storage.ZFS.Close()) })
	group := worker.NewStorage(tc, &config.Config{
		Server: server, State: state, Limits: config.Limits{Pulls: 1, Storage: 4, Stop: 5 * time.Second},
	}, storage)
	require.NoError(t, group.Start())
	t.Cleanup(group.Stop)
	require.NoError(t, worker.RegisterStorages(within(t), tc, activities.RegisterInput{
		Server: server, DataURL: "http://127.0.0.1:1", Storages: storage.Storages(t.Context()), At: time.Now(),
	}))
	eventually(t, func() bool {
		storages, err := theCatalog(t).Storages(t.Context())
		for _, s := range storages {
			if s.Dataset == parent {
				return true
			}
		}
		return err != nil
	}, "the storage %s is not registered", parent)
}

// The clock of a storage server jumps a year ahead, and a snapshot is dated so.
// Nothing is pruned until the clock is right again.
func TestClockAYearAhead(t *testing.T) {
	t.Parallel()
	parent := stack.ZFS.Pool() + "/AHEAD"
	harness.ZFS(t, "create", parent)
	c := new(clock)
	startWorker(t, "ahead", parent, c.now)
	h := newHostOn(t, "clock/ahead", t.TempDir(), "--storage", "ahead:"+parent, "--keep", "8d", "--floor", "1")
	dataset := parent + "/" + h.name
	backup := func() string {
		r := h.ended(t, h.start(t))
		require.Equal(t, policy.StateOK, r.State, "%s", &story{t, r.ID})
		require.Contains(t, harness.Snapshots(t, dataset), string(r.Snapshot))
		return r.ID
	}
	backup()
	good := func(name string) {
		harness.ZFS(t, "snapshot", "-o", zfs.PropState+"=ok", "-o", zfs.PropRun+"=another", dataset+"@"+name)
	}
	for day := range 10 {
		good("daily-" + time.Now().UTC().AddDate(0, 0, -1-day).Format("200601021504"))
	}
	const year = 366 * 24 * time.Hour
	future := "yearly-" + time.Now().UTC().Add(year-time.Hour).Format("200601021504")
	good(future)

	c.jump(year)
	before := harness.Snapshots(t, dataset)
	require.Len(t, before, 12)
	backup()
	require.Len(t, harness.Snapshots(t, dataset), 13)
	require.Subset(t, harness.Snapshots(t, dataset), before)

	c.jump(0)
	run := backup()
	after := harness.Snapshots(t, dataset)
	// Today and the seven days before it, and what is of the future.
	require.Len(t, after, 9, "%v", after)
	require.Contains(t, after, future)
	requireStory(t, run, "pruned 5 snapshots")
}
