//go:build faults

package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
	"planb/worker"
	"planb/workflows"
)

// slowRestores makes the rsyncs of restores slow until the test ends.
func slowRestores(t testing.TB) {
	t.Helper()
	file := filepath.Join(stack.Wrap, "rsync")
	real := harness.ToolPath(t, "rsync")
	script := "#!/bin/sh\ncase \"$*\" in *--files-from=-*) exec " + real + " --bwlimit=2048 \"$@\" ;; esac\nexec " + real + " \"$@\"\n"
	require.NoError(t, os.WriteFile(file, []byte(script), 0o755))
	t.Cleanup(func() { require.NoError(t, os.Remove(file)) })
}

// startRestore starts a restore of all that the host has.
func (h host) startRestore(t testing.TB, in workflows.RestoreInput) string {
	t.Helper()
	in.Host, in.Paths, in.Actor = mustParse(t, h.name), []string{"/"}, "the test"
	_, run, err := worker.StartRestore(t.Context(), temporal(t), in)
	require.NoError(t, err)
	return run
}

// restoring says whether some of the big file has been written below dir, and
// not all of it.
func restoring(dir string) bool {
	n := int64(0)
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && isHalf(info.Name()) {
			n = info.Size()
		}
		return nil
	})
	return n > 0
}

// isHalf says whether a name is one that rsync gives the big file before it is
// whole.
func isHalf(name string) bool { return strings.HasPrefix(strings.TrimPrefix(name, "."), "big.") }

// The worker is killed in the middle of a restore: the next one goes on, calls
// nothing its own work that is not, and leaves no half file.
func TestWorkerKilledInMidRestore(t *testing.T) {
	breaks(t)
	h := newHost(t, "kill/restore", 16*mib)
	h.requireGood(t, h.ended(t, h.start(t)))
	slowRestores(t)
	to := filepath.Join(t.TempDir(), "to")
	run := h.startRestore(t, workflows.RestoreInput{To: to})
	eventually(t, func() bool { return restoring(to) }, "the restore does not begin")
	killWorker(t)
	stack.Up(t)
	r := h.ended(t, run)
	require.Equal(t, policy.StateOK, r.State, "%s", &story{t, run})
	requireWhole(t, to)
	harness.RequireSame(t, h.source, to)
	require.EqualValues(t, 3, *r.FilesTransferred)
	require.NoDirExists(t, filepath.Join(stack.State, "planb", "restores", run))
	requireStory(t, run, "state ok", "restore", "well at try")
}

// requireWhole fails where a file that is not whole was left.
func requireWhole(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		require.NotContains(t, info.Name(), rsync.TempPrefix)
		require.False(t, isHalf(info.Name()), path)
		return nil
	}))
}

// A cancel ends a restore within seconds, whatever it goes to, and what is there
// then is whole.
func TestCancelInMidRestore(t *testing.T) {
	breaks(t)
	h := newHost(t, "cancel/restore", 16*mib)
	h.requireGood(t, h.ended(t, h.start(t)))
	slowRestores(t)
	other := sshtest.Server(t)
	key := readFile(t, stack.RestoreKey+".pub")
	require.NoError(t, os.WriteFile(filepath.Join(other.Dir, "authorized_keys"), []byte("restrict "+key), 0o600))
	stack.AddHost(t, "cancel/target", other, "--host-key", other.HostKey())
	dir, err := os.MkdirTemp("", "planb-cancel-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	for name, in := range map[string]workflows.RestoreInput{
		"directory": {To: filepath.Join(dir, "directory")},
		"host":      {ToHost: mustParse(t, "cancel/target"), Prefix: filepath.Join(dir, "host")},
	} {
		t.Run(name, func(t *testing.T) {
			run := h.startRestore(t, in)
			eventually(t, func() bool { return restoring(filepath.Join(dir, name)) }, "the restore does not begin:\n%s", &story{t, run})
			began := time.Now()
			stack.Must(t, "run", "cancel", run)
			r := h.ended(t, run)
			t.Logf("cancelled after %.1f s", time.Since(began).Seconds())
			require.Equal(t, policy.StateCancelled, r.State)
			require.Contains(t, string(r.Message), "each of them whole")
			eventually(t, func() bool { return len(harness.Writers(filepath.Join(dir, name))) == 0 }, "rsync goes on")
			requireWhole(t, filepath.Join(dir, name))
			require.NoDirExists(t, filepath.Join(stack.State, "planb", "restores", run))
		})
	}
}

// The connection to a host breaks in the middle of a restore: it is tried again.
func TestHostGoneInMidRestore(t *testing.T) {
	breaks(t)
	h := newHost(t, "gone/restore", 16*mib)
	h.requireGood(t, h.ended(t, h.start(t)))
	slowRestores(t)
	other := sshtest.Server(t)
	key := readFile(t, stack.RestoreKey+".pub")
	require.NoError(t, os.WriteFile(filepath.Join(other.Dir, "authorized_keys"), []byte("restrict "+key), 0o600))
	stack.AddHost(t, "gone/target", other, "--host-key", other.HostKey())
	dir, err := os.MkdirTemp("", "planb-gone-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	run := h.startRestore(t, workflows.RestoreInput{ToHost: mustParse(t, "gone/target"), Prefix: dir})
	eventually(t, func() bool { return restoring(dir) }, "the restore does not begin:\n%s", &story{t, run})
	// The connection, and not the rsync there: what that is about to write it
	// removes by itself when it finds itself alone.
	signal(t, syscall.SIGKILL, host{ssh: other}.remote("sshd")...)
	r := h.ended(t, run)
	require.Equal(t, policy.StateOK, r.State, "%s", &story{t, run})
	requireWhole(t, dir)
	require.NoError(t, exec.Command("touch", "-r", h.source, dir).Run())
	require.NoError(t, os.Chmod(dir, 0o755))
	harness.RequireSame(t, h.source, dir)
	require.GreaterOrEqual(t, rsyncs(t, run), 3)
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}
