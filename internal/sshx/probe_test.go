package sshx_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx"
	"planb/internal/sshx/sshtest"
)

func open(t testing.TB, target sshx.Target) *sshx.Session {
	t.Helper()
	s, err := sshx.Open(target, filepath.Join(t.TempDir(), "a b"))
	require.NoError(t, err)
	return s
}

func probe(t testing.TB, target sshx.Target) (sshx.Report, error) {
	t.Helper()
	return sshx.Probe(t.Context(), open(t, target), sshx.ProbeSpec{DoNotRunDir: "/nonexistent"})
}

func TestProbeReady(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	r, err := sshx.Probe(t.Context(), s.Session(), sshx.ProbeSpec{CheckFile: "/etc/passwd", DoNotRunDir: t.TempDir()})
	require.NoError(t, err)
	require.False(t, r.Restricted)
	require.Regexp(t, `^\d+\.\d+`, r.Rsync)
	require.True(t, r.CheckFile)
	require.True(t, r.ACLs)
	require.True(t, r.Xattrs)
	require.True(t, r.IONice)
	require.Empty(t, r.Holds)
	require.Empty(t, r.Noise)
}

func TestProbeNotReady(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	dir := filepath.Join(t.TempDir(), "it's; a dir")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for i := range 7 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+" upgrade"), []byte("until \x1b[31mnoon\nmore\n"), 0o600))
	}
	spec := sshx.ProbeSpec{CheckFile: "/mnt/$(touch /tmp/planb-broke-out)'`id`", DoNotRunDir: dir, RsyncPath: "/opt/no such/rsync"}
	r, err := sshx.Probe(t.Context(), s.Session(), spec)
	require.NoError(t, err)
	require.Empty(t, r.Rsync)
	require.False(t, r.CheckFile)
	require.NoFileExists(t, "/tmp/planb-broke-out")
	require.Equal(t, 7, r.HoldCount)
	require.Len(t, r.Holds, 5)
	require.Equal(t, sshx.Hold{Name: "0 upgrade", Reason: "until [31mnoon"}, r.Holds[0])
}

func TestProbeSudo(t *testing.T) {
	t.Parallel()
	sshtest.RequireTool(t, "sudo", "sudo")
	s := sshtest.Server(t)
	r, err := sshx.Probe(t.Context(), s.Session(), sshx.ProbeSpec{Sudo: true, DoNotRunDir: "/nonexistent"})
	require.NoError(t, err)
	require.Equal(t, os.Geteuid() == 0, r.Sudo, r.SudoMessage)
}

func TestProbeSeesNoise(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t, sshtest.Options{ForcedCommand: `echo Welcome to web1; exec sh -c "$SSH_ORIGINAL_COMMAND"`})
	r, err := probe(t, s.Target)
	require.NoError(t, err)
	require.Equal(t, "Welcome to web1\n", r.Noise)
	require.NotEmpty(t, r.Rsync)
}

func TestProbeRestrictedKey(t *testing.T) {
	t.Parallel()
	for name, forced := range map[string]string{
		"a wrapper that refuses": "echo only rsync is allowed here >&2; exit 1",
		"rsync's own protocol":   "rsync --server --sender -logDtpre.iLsfxCIvu . /",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := probe(t, sshtest.Server(t, sshtest.Options{ForcedCommand: forced}).Target)
			require.NoError(t, err)
			require.True(t, r.Restricted)
		})
	}
}

func TestProbeTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options sshtest.Options
		change  func(*testing.T, *sshtest.SSH)
		kind    error
		want    string
	}{
		"nobody listens": {
			change: func(_ *testing.T, s *sshtest.SSH) { s.Kill() },
			kind:   sshx.ErrUnreachable, want: `^acme/web1 is unreachable at 127\.0\.0\.1 port \d+ \(Connection refused\): check`,
		},
		"no such name": {
			change: func(_ *testing.T, s *sshtest.SSH) { s.Target.Address = "no-such-host.invalid" },
			kind:   sshx.ErrUnreachable, want: `unreachable at no-such-host.invalid`,
		},
		"a server that says nothing": {
			change: func(t *testing.T, s *sshtest.SSH) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				t.Cleanup(func() { _ = l.Close() })
				s.Target.Port = l.Addr().(*net.TCPAddr).Port
			},
			kind: sshx.ErrUnreachable, want: `no answer within 2s`,
		},
		"another host key": {
			change: func(_ *testing.T, s *sshtest.SSH) { s.NewHostKey() },
			kind:   sshx.ErrHostKeyChanged, want: `^acme/web1 answered with another host key than the pinned one`,
		},
		"a key that is not known there": {
			change: func(t *testing.T, s *sshtest.SSH) {
				s.Target.KeyFile = filepath.Join(t.TempDir(), "other")
				require.NoError(t, sshx.Keygen(t.Context(), s.Target.KeyFile, "other"))
			},
			kind: sshx.ErrAuthRefused, want: `^acme/web1 refused the key of root: add .*/other.pub to ~root/.ssh/authorized_keys there$`,
		},
		"a key file that others can read": {
			change: func(t *testing.T, s *sshtest.SSH) { require.NoError(t, os.Chmod(s.Target.KeyFile, 0o644)) },
			kind:   sshx.ErrAuthRefused, want: `because others can read it: chmod 600 it$`,
		},
		"no key file": {
			change: func(_ *testing.T, s *sshtest.SSH) { s.Target.KeyFile = "/nonexistent/key" },
			kind:   sshx.ErrAuthRefused, want: `there is no key file /nonexistent/key`,
		},
		"an account without a shell": {
			options: sshtest.Options{ForcedCommand: "/usr/sbin/nologin"},
			kind:    sshx.ErrAuthRefused, want: `does not let root run commands: give the account a shell`,
		},
		"a connection that is cut": {
			options: sshtest.Options{ForcedCommand: "kill -9 $PPID"},
			kind:    sshx.ErrConnectionLost, want: `^the connection to acme/web1 was lost`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.Server(t, c.options)
			if c.change != nil {
				c.change(t, s)
			}
			_, err := sshx.Probe(t.Context(), open(t, s.Target), sshx.ProbeSpec{Timeout: 2 * time.Second})
			require.ErrorIs(t, err, c.kind)
			require.Regexp(t, c.want, err.Error())
		})
	}
}

func TestFirstContactIsLearnedAndThenPinned(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	target := s.Target
	target.HostKeys = nil
	session := open(t, target)
	keys, err := session.HostKeys()
	require.NoError(t, err)
	require.Empty(t, keys)
	_, err = sshx.Probe(t.Context(), session, sshx.ProbeSpec{})
	require.NoError(t, err)
	keys, err = session.HostKeys()
	require.NoError(t, err)
	require.Equal(t, []string{s.HostKey()}, keys)

	target.HostKeys = keys
	s.NewHostKey()
	_, err = probe(t, target)
	require.ErrorIs(t, err, sshx.ErrHostKeyChanged)
}

func TestJumpHostHasItsOwnKeys(t *testing.T) {
	t.Parallel()
	jump, s := sshtest.Server(t), sshtest.Server(t)
	// One key for both, as a host behind a jump host has.
	key, err := os.ReadFile(s.Target.KeyFile + ".pub")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(jump.Dir, "authorized_keys"), key, 0o600))
	target := s.Target
	target.JumpHost = jump.Target.User + "@127.0.0.1:" + strconv.Itoa(jump.Target.Port)
	session := open(t, target)
	_, err = sshx.Probe(t.Context(), session, sshx.ProbeSpec{})
	require.NoError(t, err)
	keys, err := session.JumpHostKeys()
	require.NoError(t, err)
	require.Equal(t, []string{jump.HostKey()}, keys)

	target.JumpHostKeys = keys
	_, err = probe(t, target)
	require.NoError(t, err)
	jump.NewHostKey()
	_, err = probe(t, target)
	require.ErrorIs(t, err, sshx.ErrHostKeyChanged)
	require.ErrorContains(t, err, "the jump host")
	jump.Kill()
	_, err = probe(t, target)
	require.ErrorIs(t, err, sshx.ErrUnreachable)
}

func TestProbeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t, sshtest.Options{ForcedCommand: "sleep 600"})
	ctx, cancel := contextWithCause(t)
	go func() {
		for len(s.Descendants()) < 2 {
			time.Sleep(5 * time.Millisecond)
		}
		cancel(errStop)
	}()
	_, err := sshx.Probe(ctx, s.Session(), sshx.ProbeSpec{})
	require.ErrorIs(t, err, errStop)
}
