package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

// requireBackedUp backs a host up whose root is src and compares what can be
// restored with it.
func requireBackedUp(t testing.TB, host, src string) (run row) {
	t.Helper()
	run = backup(t, host)
	require.Equal(t, "ok", run["state"], "%v", run)
	harness.RequireSame(t, src, restore(t, fmt.Sprintf("%s@%s", host, run["snapshot"]), "/"))
	return run
}

// The remote rsync runs through sudo, at the disk's idle priority.
func TestSudoAndIONice(t *testing.T) {
	t.Parallel()
	sshtest.RequireTool(t, "sudo", "sudo")
	sshtest.RequireTool(t, "ionice", "util-linux")
	src := source(t)
	dir := t.TempDir()
	spy, seen := filepath.Join(dir, "spy"), filepath.Join(dir, "seen")
	require.NoError(t, os.WriteFile(spy, []byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >> "+seen+"\nexec \"$@\"\n"), 0o755))
	s := sshtest.Server(t, sshtest.Options{Root: src, As: spy})
	addHost(t, "ways/sudo", s, "--include", "/", "--sudo", "--ionice")
	requireBackedUp(t, "ways/sudo", src)
	require.Regexp(t, `^sh -c ionice -c ?3 sudo -n rsync --server --sender `, read(t, seen))

	require.NoError(t, os.Remove(seen))
	must(t, "host", "edit", "ways/sudo", "--sudo=false", "--ionice=false")
	requireBackedUp(t, "ways/sudo", src)
	require.Regexp(t, `^sh -c rsync --server --sender `, read(t, seen))
}

// The host answers on an IPv6 address.
func TestIPv6(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src, Config: "ListenAddress ::1\n"})
	s.Target.Address = "::1"
	addHost(t, "ways/ipv6", s, "--include", "/")
	requireBackedUp(t, "ways/ipv6", src)
	require.Equal(t, "::1", find(t, listing(t, "host", "list", "--group", "ways"), "host", "ways/ipv6")["address"])
}

// The host has moved its sshd to another port: the same key, so the same host.
func TestOtherPort(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	other := sshtest.FreePort(t)
	addHost(t, "ways/port", s, "--include", "/")
	requireBackedUp(t, "ways/port", src)
	s.Kill()
	config := filepath.Join(s.Dir, "sshd_config")
	write(t, s.Dir, "sshd_config", strings.Replace(read(t, config),
		fmt.Sprintf("Port %d", s.Target.Port), fmt.Sprintf("Port %d", other), 1))
	s.Target.Port = other
	s.Start()
	must(t, "host", "edit", "ways/port", "--port", strconv.Itoa(other))
	requireBackedUp(t, "ways/port", src)
}

// A host without sshd, whose files an rsync daemon shows.
func TestRsyncDaemon(t *testing.T) {
	t.Parallel()
	src := source(t)
	port := rsyncDaemon(t, src)
	must(t, "host", "add", "ways/daemon", "--address", "127.0.0.1::files", "--port", strconv.Itoa(port), "--include", "/")
	run := requireBackedUp(t, "ways/daemon", src)
	require.Contains(t, must(t, "run", "log", run["run"].(string)), "127.0.0.1::files")

	write(t, src, "etc/hostname", "web2\n")
	requireBackedUp(t, "ways/daemon", src)
	must(t, "host", "edit", "ways/daemon", "--address", "127.0.0.1::nosuchmodule")
	r := planb(t, "backup", "ways/daemon", "--wait")
	require.Equal(t, failed, r.code)
	require.Contains(t, r.stderr+r.stdout, "nosuchmodule")
}

// A daemon that asks for a password gets it from a file, never from a command
// line or a log.
func TestRsyncDaemonWithPassword(t *testing.T) {
	t.Parallel()
	src := source(t)
	daemon := sshtest.RsyncDaemon(t, src)
	must(t, "host", "add", "ways/password", "--address", daemon.Address+"::"+daemon.Module, "--port", strconv.Itoa(daemon.Port),
		"--user", daemon.User, "--include", "/")
	require.Equal(t, failed, planb(t, "backup", "ways/password", "--wait").code, "without the password")
	must(t, "host", "edit", "ways/password", "--password-file", daemon.PasswordFile)
	run := requireBackedUp(t, "ways/password", src)
	require.NotContains(t, must(t, "run", "log", run["run"].(string)), "sesame")
}

// rsyncDaemon shows root to anybody as the module "files" and gives the port.
func rsyncDaemon(t testing.TB, root string) (port int) {
	t.Helper()
	dir := t.TempDir()
	port = sshtest.FreePort(t)
	write(t, dir, "rsyncd.conf", fmt.Sprintf(`use chroot = no
uid = root
gid = root
address = 127.0.0.1
port = %d
[files]
	path = %s
	read only = yes
`, port, root))
	cmd := exec.Command("rsync", "--daemon", "--no-detach", "--config="+filepath.Join(dir, "rsyncd.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	requireAnswer(t, port)
	return port
}

func requireAnswer(t testing.TB, port int) {
	t.Helper()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		return err == nil && c.Close() == nil
	}, patience, 10*time.Millisecond, "nothing answers on port %d", port)
}
