//go:build faults

package faults

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/ident"
)

func mustParse(t testing.TB, name string) ident.Host {
	t.Helper()
	h, err := ident.ParseHost(name)
	require.NoError(t, err)
	return h
}

// signal sends one to processes by their ids.
func signal(t testing.TB, sig syscall.Signal, ps ...harness.Process) {
	t.Helper()
	for _, p := range ps {
		if err := syscall.Kill(p.PID, sig); err != nil {
			require.ErrorIs(t, err, syscall.ESRCH)
		}
	}
}

// killWorker ends planb serve with no chance to tidy up; what it had started
// goes on.
func killWorker(t testing.TB) {
	t.Helper()
	require.NoError(t, syscall.Kill(stack.Serve().PID(), syscall.SIGKILL))
	<-stack.Serve().Done()
}

// The worker is killed in the middle of a pull. Its rsync lives on, and as the
// host is silent it has nothing to say and does not notice: nobody else writes
// before it is gone.
func TestWorkerKilledInMidPull(t *testing.T) {
	breaks(t)
	h := newHost(t, "kill/worker", 4*mib, "--bandwidth", "1M")
	most := harness.Watch(t, h.data())
	run := h.startPull(t)
	orphans := harness.Writers(h.data())
	silent := h.remote("rsync")
	signal(t, syscall.SIGSTOP, silent...)
	killWorker(t)

	stack.Up(t)
	eventually(t, func() bool {
		return containsAll(stack.Must(t, "run", "show", run), "still written to by an earlier transfer")
	}, "the second try should wait:\n%s", &story{t, run})
	require.Equal(t, 1, rsyncs(t, run))
	require.Empty(t, harness.Snapshots(t, h.dataset()))
	require.Equal(t, orphans, harness.Writers(h.data()))

	signal(t, syscall.SIGCONT, silent...)
	r := h.ended(t, run)
	h.requireGood(t, r)
	h.requireOneRun(t)
	require.Equal(t, 1, most(), "two transfers wrote at once")
	require.Equal(t, 2, rsyncs(t, run))
	requireStory(t, run, "state ok", "pull", "still written to by an earlier transfer")
}

// The worker is killed right after ZFS took the snapshot: it is not taken twice.
func TestWorkerKilledAfterTheSnapshot(t *testing.T) {
	breaks(t)
	stick := filepath.Join(stack.Dir, "stick")
	stuck := filepath.Join(stack.Dir, "stuck")
	wrapZFS(t, `if [ "$1" = snapshot ] && [ -e `+stick+` ]; then
	"$real" "$@"
	mv `+stick+` `+stuck+`
	while [ -e `+stuck+` ]; do sleep 0.1; done
	exit
fi`)
	h := newHost(t, "kill/snapshot", mib)
	require.NoError(t, os.WriteFile(stick, nil, 0o600))
	run := h.start(t)
	eventually(t, func() bool { return exists(stuck) }, "no snapshot was taken")
	require.Len(t, harness.Snapshots(t, h.dataset()), 1)
	killWorker(t)
	require.NoError(t, os.Remove(stuck))
	stack.Up(t)
	h.requireGood(t, h.ended(t, run))
	require.Len(t, harness.Snapshots(t, h.dataset()), 1)
	require.Equal(t, 1, rsyncs(t, run))
	requireStory(t, run, "state ok", "snapshot", "well at try 2; before: the worker was killed in the middle of it")
}

// wrapZFS puts shell code before planb's calls of zfs, until the test ends;
// $real is the real one.
func wrapZFS(t testing.TB, code string) {
	t.Helper()
	file := filepath.Join(stack.Wrap, "zfs")
	script := "#!/bin/sh\nreal=" + harness.ToolPath(t, "zfs") + "\n" + code + "\nexec \"$real\" \"$@\"\n"
	require.NoError(t, os.WriteFile(file, []byte(script), 0o755))
	require.NoError(t, stack.Serve().Stop(within(t)))
	stack.Up(t)
	t.Cleanup(func() {
		require.NoError(t, os.Remove(file))
		// planb looks for zfs when it starts.
		require.NoError(t, stack.Serve().Stop(context.Background()))
		stack.Up(t)
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
