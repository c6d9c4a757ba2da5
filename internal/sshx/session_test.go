package sshx_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx"
)

var errStop = errors.New("told to stop")

func contextWithCause(t testing.TB) (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(t.Context())
}

func TestOpenRefusesWhatCouldBeAnOption(t *testing.T) {
	t.Parallel()
	good := sshx.Target{Alias: "acme/web1", Address: "web1.example", User: "remotebackup"}
	for name, change := range map[string]func(*sshx.Target){
		"address is an option": func(t *sshx.Target) { t.Address = "-oProxyCommand=id" },
		"address has a space":  func(t *sshx.Target) { t.Address = "web1 -l root" },
		"address is empty":     func(t *sshx.Target) { t.Address = "" },
		"address has a port":   func(t *sshx.Target) { t.Address = "web1:22" },
		"address is a pattern": func(t *sshx.Target) { t.Address = "*" },
		"user is an option":    func(t *sshx.Target) { t.User = "-R" },
		"user has a newline":   func(t *sshx.Target) { t.User = "a\nProxyCommand id" },
		"alias has a newline":  func(t *sshx.Target) { t.Alias = "a\nProxyCommand id" },
		"key has a quote":      func(t *sshx.Target) { t.KeyFile = `/a"b` },
		"key has a percent":    func(t *sshx.Target) { t.KeyFile = "/a/%d" },
		"key is relative":      func(t *sshx.Target) { t.KeyFile = "id" },
		"port":                 func(t *sshx.Target) { t.Port = 70000 },
		"host key":             func(t *sshx.Target) { t.HostKeys = []string{"ssh-ed25519 AAAA\n* ssh-rsa BBBB"} },
		"jump is an option":    func(t *sshx.Target) { t.JumpHost = "-W:22" },
		"jump has a bad port":  func(t *sshx.Target) { t.JumpHost = "jump:x" },
		"jump has a bad user":  func(t *sshx.Target) { t.JumpHost = "$(id)@jump" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := good
			change(&target)
			dir := filepath.Join(t.TempDir(), "ssh")
			_, err := sshx.Open(target, dir)
			require.Error(t, err)
			require.NoFileExists(t, filepath.Join(dir, "ssh_config"))
		})
	}
	_, err := sshx.Open(good, filepath.Join(t.TempDir(), `quote"d`))
	require.ErrorContains(t, err, "use a path of letters")
}

func TestOpenKeepsItsFilesPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "some dir")
	s, err := sshx.Open(sshx.Target{Alias: "acme/web1", Address: "::1", HostKeys: []string{"ssh-ed25519 AAAA"}}, dir)
	require.NoError(t, err)
	for name, mode := range map[string]os.FileMode{"": 0o700, "ssh_config": 0o600, "known_hosts": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
	require.Equal(t, []string{"ssh", "-F", dir + "/ssh_config", "--"}, s.Argv())
	shell, err := s.RsyncShell()
	require.NoError(t, err)
	require.Equal(t, "ssh -F '"+dir+"/ssh_config' --", shell)
}

func TestKeygenKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ssh", "id")
	require.NoError(t, sshx.Keygen(t.Context(), file, "planb"))
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, sshx.Keygen(t.Context(), file, "planb"))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.FileExists(t, file+".pub")
}
