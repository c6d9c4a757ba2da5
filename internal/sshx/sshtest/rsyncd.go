package sshtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rsyncd is an rsync daemon on loopback with one read-only module.
type Rsyncd struct {
	Address, Module, User string
	Port                  int
	// PasswordFile holds the password of User.
	PasswordFile string
}

// RsyncDaemon serves root as the module "backup", asking for a password. It
// ends with the test.
func RsyncDaemon(t testing.TB, root string) *Rsyncd {
	t.Helper()
	RequireTool(t, "rsync", "rsync")
	dir := t.TempDir()
	d := &Rsyncd{
		Address: "127.0.0.1", Port: FreePort(t), Module: "backup", User: "planb",
		PasswordFile: filepath.Join(dir, "password"),
	}
	me := fmt.Sprintf("uid = %d\ngid = %d\n", os.Geteuid(), os.Getegid())
	config := me + fmt.Sprintf(`use chroot = no
address = 127.0.0.1
port = %d
log file = %s
[backup]
	path = %s
	read only = yes
	auth users = planb
	secrets file = %s
`, d.Port, filepath.Join(dir, "log"), root, filepath.Join(dir, "secrets"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rsyncd.conf"), []byte(config), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets"), []byte("planb:sesame\n"), 0o600))
	require.NoError(t, os.WriteFile(d.PasswordFile, []byte("sesame\n"), 0o600))
	cmd := exec.Command("rsync", "--daemon", "--no-detach", "--config="+filepath.Join(dir, "rsyncd.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	waitPort(t, d.Port)
	return d
}
