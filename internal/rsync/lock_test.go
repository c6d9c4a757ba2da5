package rsync_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx"
	"planb/internal/sshx/sshtest"
)

// puller is the environment variable that makes the test binary a program that
// takes the lock and pulls: a worker, to be killed.
const puller = "PLANB_TEST_PULLER"

type pullerSpec struct {
	Target         sshx.Target
	Dir            string
	Lock, Dest     string
	BytesPerSecond int64
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(puller); spec != "" {
		if err := pull(spec); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func pull(text string) error {
	var spec pullerSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	lock, err := rsync.TryLock(spec.Lock)
	if err != nil {
		return err
	}
	session, err := sshx.Open(spec.Target, spec.Dir)
	if err != nil {
		return err
	}
	_, err = rsync.Run(context.Background(), rsync.Pull{
		Session: session, Dest: spec.Dest, WorkDir: spec.Dir, Super: os.Geteuid() == 0, Bandwidth: spec.BytesPerSecond,
	}, rsync.RunOptions{Lock: lock})
	return err
}

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := rsync.TryLock(dir)
	require.NoError(t, err)
	_, err = rsync.TryLock(dir)
	require.ErrorIs(t, err, rsync.ErrLocked)
	require.NoError(t, lock.Close())
	lock, err = rsync.TryLock(dir)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
	_, err = rsync.TryLock(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A worker that is killed leaves its rsync behind; nobody else may write to the
// dataset before that is gone.
func TestLockOutlivesAKilledWorker(t *testing.T) {
	t.Parallel()
	source, dataset := t.TempDir(), t.TempDir()
	bigFile(t, source, "big")
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := rsync.Pull{Dest: filepath.Join(dataset, "data")}
	require.NoError(t, os.Mkdir(p.Dest, 0o755))
	spec, err := json.Marshal(pullerSpec{Target: s.Target, Dir: t.TempDir(), Lock: dataset, Dest: p.Dest, BytesPerSecond: slow})
	require.NoError(t, err)
	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), puller+"="+string(spec))
	worker.Stderr = os.Stderr
	require.NoError(t, worker.Start())
	begunNow(t, p, "big")

	rsyncs := children(t, worker.Process.Pid)
	require.NotEmpty(t, rsyncs)
	// Held still, so that the killed worker's pipe does not end them first.
	for _, pid := range rsyncs {
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	}
	require.NoError(t, worker.Process.Kill())
	_ = worker.Wait()
	_, err = rsync.TryLock(dataset)
	require.ErrorIs(t, err, rsync.ErrLocked)

	// Each of them holds it alone too.
	for i, pid := range rsyncs {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		if i < len(rsyncs)-1 {
			_, err = rsync.TryLock(dataset)
			require.ErrorIs(t, err, rsync.ErrLocked)
		}
	}
	require.Eventually(t, func() bool {
		lock, err := rsync.TryLock(dataset)
		if err == nil {
			_ = lock.Close()
		}
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)
}

// begunNow waits until rsync has written to the file of that name.
func begunNow(t testing.TB, p rsync.Pull, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := os.Stat(filepath.Join(p.Dest, name))
		return err == nil && info.Size() > 0
	}, 20*time.Second, 10*time.Millisecond)
}

// children lists the processes named rsync below pid: the first, and the one
// that it forks.
func children(t testing.TB, pid int) []int {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid=,ppid=,comm=").Output()
	require.NoError(t, err)
	below := map[string]bool{itoa(pid): true}
	var found []int
	for range 3 {
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) == 3 && below[f[1]] && !below[f[0]] && f[2] == "rsync" {
				below[f[0]] = true
				n, _ := strconv.Atoi(f[0])
				found = append(found, n)
			}
		}
	}
	return found
}
