package rsync_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/rsync"
	"planb/internal/sshx"
	"planb/internal/sshx/sshtest"
)

// asNobody makes the remote rsync one that cannot read everything.
const asNobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups"

// slow is a bandwidth at which big takes half a minute.
const (
	slow = 1 << 20
	big  = 32 << 20
)

// readable gives a directory that nobody can reach.
func readable(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

func run(t testing.TB, p rsync.Pull, o rsync.RunOptions) rsync.Result {
	t.Helper()
	var log bytes.Buffer
	o.Log = &log
	r, err := rsync.Run(t.Context(), p, o)
	require.NoError(t, err, log.String())
	t.Log(log.String())
	return r
}

// begun waits until rsync writes to the file of that name below the
// destination of p, then calls do, once.
func begun(t *testing.T, p rsync.Pull, name string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if info, err := os.Stat(filepath.Join(p.Dest, name)); err == nil && info.Size() > 0 {
				do()
				return
			}
		}
		t.Error("the transfer of " + name + " did not begin")
	}()
	t.Cleanup(func() { <-done })
}

func bigFile(t testing.TB, dir, name string) {
	t.Helper()
	write(t, dir, map[string]string{name: strings.Repeat("0123456789abcdef", big/16)})
}

// remote lists the processes of server that are an rsync.
func remote(server *sshtest.SSH) []int {
	var pids []int
	for _, pid := range server.Descendants() {
		if b, err := os.ReadFile("/proc/" + itoa(pid) + "/comm"); err == nil && strings.TrimSpace(string(b)) == "rsync" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	source := readable(t)
	write(t, source, map[string]string{"etc/ok": "ok", "etc/it's: \"odd\" (1)": "x", "run/secret": "x"})
	require.NoError(t, os.Chmod(filepath.Join(source, "etc/it's: \"odd\" (1)"), 0o600))
	require.NoError(t, os.Chmod(filepath.Join(source, "run/secret"), 0o600))
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source, As: asNobody}))
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, 23, r.Code)
	require.Equal(t, rsync.Partial, r.State)
	require.Equal(t, rsync.TypePartial, r.Type)
	require.Equal(t, 2, r.FailedCount)
	require.False(t, r.Retry)
	require.Equal(t, rsync.FileError{Path: source + "/etc/it's: \"odd\" (1)", Reason: "Permission denied"}, r.Failed[0])
	require.Contains(t, r.Message, "acme/web1: 2 files could not be taken")
	require.FileExists(t, filepath.Join(p.Dest, "etc/ok"))

	// The test's "/" is source, and rsync names files by where they really are.
	p.Tolerate = []string{source + "/run/*"}
	require.Equal(t, rsync.Partial, run(t, p, rsync.RunOptions{}).State)
	p.Tolerate = append(p.Tolerate, "it's: *")
	r = run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.Warning, r.State)
	require.Equal(t, 2, r.ToleratedCount)
}

func TestUnreadableDirectorySkipsDeletion(t *testing.T) {
	t.Parallel()
	source := readable(t)
	write(t, source, map[string]string{"etc/gone": "x", "locked/x": "x"})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source, As: asNobody}))
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	require.NoError(t, os.Remove(filepath.Join(source, "etc/gone")))
	require.NoError(t, os.Chmod(filepath.Join(source, "locked"), 0o700))
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.Partial, r.State)
	require.True(t, r.DeletesSkipped)
	require.Contains(t, r.Message, "nothing was deleted")
	require.FileExists(t, filepath.Join(p.Dest, "locked/x"))
}

func TestVanishedFile(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "a/big")
	write(t, source, map[string]string{"a/later": "x", "a/too": "x"})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	p.Bandwidth = 16 * slow
	begun(t, p, "a/big", func() {
		_ = os.Remove(filepath.Join(source, "a/later"))
		_ = os.Remove(filepath.Join(source, "a/too"))
	})
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, 24, r.Code)
	require.Equal(t, rsync.Warning, r.State)
	require.Equal(t, rsync.TypeVanished, r.Type)
	require.Equal(t, []string{source + "/a/later", source + "/a/too"}, r.Vanished)
	require.Equal(t, "acme/web1: 2 files vanished before they could be taken", r.Message)
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "big")
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	require.NoError(t, syscall.Mount("tmpfs", p.Dest, "tmpfs", 0, "size=2m"), "mounting a small disk needs root")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(p.Dest, 0)) })
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.Failed, r.State)
	require.Equal(t, rsync.TypeNoSpace, r.Type)
	require.False(t, r.Retry)
	require.Contains(t, r.Message, "the storage is full (No space left on device)")
}

func TestMaxDelete(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"a": "", "b": "", "c": "", "d": ""})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, os.Remove(filepath.Join(source, name)))
	}
	p.MaxDelete = 1
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, 25, r.Code)
	require.Equal(t, rsync.Partial, r.State)
	require.Equal(t, rsync.TypeGuard, r.Type)
	require.Contains(t, r.Message, "2 files that are gone from the host were kept")
}

func TestRemoteFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options sshtest.Options
		change  func(*testing.T, *sshtest.SSH, *rsync.Pull)
		kind    rsync.Type
		retry   bool
		want    string
	}{
		"no rsync": {
			change: func(_ *testing.T, _ *sshtest.SSH, p *rsync.Pull) { p.RsyncPath = "/nonexistent/rsync" },
			kind:   rsync.TypeNoRsync, want: "acme/web1: the host has no rsync",
		},
		"no server": {
			change: func(_ *testing.T, s *sshtest.SSH, _ *rsync.Pull) { s.Kill() },
			kind:   rsync.TypeUnreachable, retry: true, want: "acme/web1 is unreachable at 127.0.0.1 port",
		},
		"host key": {
			change: func(_ *testing.T, s *sshtest.SSH, _ *rsync.Pull) { s.NewHostKey() },
			kind:   rsync.TypeHostKey, want: "acme/web1 answered with another host key",
		},
		"key": {
			change: func(t *testing.T, s *sshtest.SSH, p *rsync.Pull) {
				s.Target.KeyFile = filepath.Join(t.TempDir(), "other")
				require.NoError(t, sshx.Keygen(t.Context(), s.Target.KeyFile, "other"))
				p.Session = s.Session()
			},
			kind: rsync.TypeAuth, want: "acme/web1 refused the key",
		},
		"noise":   {options: sshtest.Options{ForcedCommand: `echo Welcome to the machine; exec sh -c "$SSH_ORIGINAL_COMMAND"`}, kind: rsync.TypeShell, want: "do not understand each other"},
		"refusal": {options: sshtest.Options{ForcedCommand: `echo not allowed >&2; exit 1`}, kind: rsync.TypeNetwork, retry: true, want: "(not allowed)"},
		"sudo": {
			options: sshtest.Options{As: asNobody, Root: "/nonexistent"},
			change:  func(_ *testing.T, _ *sshtest.SSH, p *rsync.Pull) { p.Sudo = true },
			kind:    rsync.TypeSudo, want: "sudo does not let this user run rsync",
		},
		"no source": {options: sshtest.Options{Root: "/nonexistent"}, kind: rsync.TypeFiles, want: "rsync could not start (/nonexistent: No such file or directory)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.Server(t, c.options)
			p := newPull(t, s)
			if c.change != nil {
				c.change(t, s, &p)
			}
			r := run(t, p, rsync.RunOptions{})
			require.Equal(t, rsync.Failed, r.State)
			require.Equal(t, c.kind, r.Type, r.Message)
			require.Equal(t, c.retry, r.Retry)
			require.Contains(t, r.Message, c.want)
			require.True(t, r.Retry || r.Remedy != "" || strings.Contains(r.Message, ": "), r.Message)
		})
	}
}

func TestRemoteKilled(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "big")
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := newPull(t, s)
	p.Bandwidth = slow
	begun(t, p, "big", func() {
		for _, pid := range remote(s) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.Failed, r.State)
	require.True(t, r.Retry)

	// What was there already is not sent again.
	p.Bandwidth = 0
	r = run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.OK, r.State)
	require.Positive(t, r.Stats.Matched)
}

func TestConnectionCut(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "big")
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := newPull(t, s)
	p.Bandwidth = slow
	begun(t, p, "big", s.Kill)
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.Failed, r.State)
	require.Equal(t, rsync.TypeNetwork, r.Type)
	require.True(t, r.Retry)
	t.Log(r.Message)
}

func TestStallNamesThePath(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "srv/big")
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := newPull(t, s)
	p.Bandwidth = slow
	begun(t, p, "srv/big", func() {
		for _, pid := range remote(s) {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
	})
	// Longer than rsync is silent under a limit.
	limit := stallLimit(t, 3*time.Second)
	r := run(t, p, rsync.RunOptions{StallAfter: limit})
	require.Equal(t, rsync.Failed, r.State)
	require.Equal(t, rsync.TypeStalled, r.Type)
	require.True(t, r.Retry)
	require.Equal(t, "acme/web1: no progress for "+limit.String()+" at /srv/big, so the transfer was ended", r.Message)
}

// stallLimit is least, or more where a login and the start of rsync take that
// long, in which nothing shows: some seconds on an emulated processor.
func stallLimit(t testing.TB, least time.Duration) time.Duration {
	t.Helper()
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: t.TempDir()}))
	began := time.Now()
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	return max(least, (2 * time.Since(began)).Round(time.Second))
}

func TestCancelEndsBothSides(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "big")
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := newPull(t, s)
	p.Bandwidth = slow
	stop := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	var at time.Time
	begun(t, p, "big", func() { at = time.Now(); cancel(stop) })
	r, err := rsync.Run(ctx, p, rsync.RunOptions{})
	require.ErrorIs(t, err, stop)
	require.Equal(t, rsync.Cancelled, r.State)
	require.Less(t, time.Since(at), 3*time.Second)
	require.Empty(t, childrenNamed(t, "ssh", "rsync", p.Session.Argv()[2]))
	require.Eventually(t, func() bool { return len(remote(s)) == 0 }, 3*time.Second, 20*time.Millisecond, "the remote rsync goes on")
}

// A file that cannot even be opened, as on a network disk that is away: the
// host's rsync says nothing of it, so a range is named.
func TestStallNamesWhereItHangs(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"a/first": "x", "a/hangs": "x", "b/later": "x", "b/same": "x"})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	write(t, source, map[string]string{"a/first": "changed", "a/hangs": "changed", "b/later": "changed"})
	limit := stallLimit(t, 2*time.Second)
	f, err := os.OpenFile(filepath.Join(source, "a/hangs"), os.O_RDWR, 0)
	require.NoError(t, err)
	// Opening a file under a write lease waits for its holder, up to
	// /proc/sys/fs/lease-break-time (45 s).
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	r := run(t, p, rsync.RunOptions{StallAfter: limit})
	require.Equal(t, rsync.TypeStalled, r.Type)
	require.Regexp(t, `^acme/web1: no progress for `+limit.String()+` between /(a|a/first|a/hangs)? and /b/same, so the transfer was ended$`, r.Message)
}

// A transfer that is broken off tells no statistics, but what it did.
func TestChangesOfABrokenTransferAreCounted(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"a/changed": "1", "a/gone": "", "a/dir/gone": ""})
	s := sshtest.Server(t, sshtest.Options{Root: source})
	p := newPull(t, s)
	require.Equal(t, rsync.Changes{Created: 3}, run(t, p, rsync.RunOptions{}).Changes)

	write(t, source, map[string]string{"a/changed": "22"})
	require.NoError(t, os.Remove(filepath.Join(source, "a/gone")))
	require.NoError(t, os.RemoveAll(filepath.Join(source, "a/dir")))
	bigFile(t, source, "b/big")
	p.Bandwidth = slow
	begun(t, p, "b/big", s.Kill)
	r := run(t, p, rsync.RunOptions{})
	require.Nil(t, r.Stats)
	// What was under way counts when it is finished.
	require.Equal(t, rsync.Changes{Changed: 1, Deleted: 2}, r.Changes)
}
