// Package sshtest starts private ssh and rsync servers on loopback for tests.
package sshtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx"
)

// SSH is an sshd of its own: loopback, a free port, its own host key, and one
// key that may log in as the user who runs the test.
type SSH struct {
	Target sshx.Target
	// Dir holds its files: sshd_config, host key, authorized_keys, sshd.log.
	Dir string

	t       testing.TB
	options Options
	cmd     *exec.Cmd
	exited  chan struct{}
}

// Options change an sshd from the default, which lets the key run anything.
type Options struct {
	// ForcedCommand is the only command that the key may run.
	ForcedCommand string
	// Root is the directory that rsync finds at "/": a tree of the test's own,
	// rather than the whole machine with whatever is mounted on it now.
	Root string
	// As is put before what the client asked for: a program that runs it as
	// somebody else, say. It needs Root.
	As string
	// Config is added to sshd_config.
	Config string
	// Env is added to the environment of the commands it runs, as NAME=value
	// without spaces.
	Env []string
}

// rooted runs what the client asked for, with another source for rsync.
const rooted = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
*"rsync --server "*" . /") exec %s sh -c "${SSH_ORIGINAL_COMMAND%%/}'%s/'" ;;
*) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
`

// Server starts an sshd that ends with the test.
func Server(t testing.TB, opts ...Options) *SSH {
	t.Helper()
	s := &SSH{t: t, Dir: t.TempDir()}
	if len(opts) > 0 {
		s.options = opts[0]
	}
	RequireTool(t, "ssh", "openssh-client")
	RequireTool(t, "/usr/sbin/sshd", "openssh-server")
	if os.Geteuid() == 0 {
		// sshd's privilege separation directory; Debian makes it at boot.
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	}
	key := filepath.Join(s.Dir, "id_ed25519")
	require.NoError(t, sshx.Keygen(t.Context(), key, "sshtest"))
	require.NoError(t, sshx.Keygen(t.Context(), s.hostKeyFile(), "sshtest"))
	me, err := user.Current()
	require.NoError(t, err)
	s.Target = sshx.Target{
		Alias: "acme/web1", Address: "127.0.0.1", Port: FreePort(t), User: me.Username,
		KeyFile: key, HostKeys: []string{s.HostKey()},
	}
	s.writeConfig()
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// HostKey gives the public host key, as sshx pins it.
func (s *SSH) HostKey() string {
	b, err := os.ReadFile(s.hostKeyFile() + ".pub")
	require.NoError(s.t, err)
	f := strings.Fields(string(b))
	return f[0] + " " + f[1]
}

// Pid is the process id of the listening sshd.
func (s *SSH) Pid() int { return s.cmd.Process.Pid }

// Start starts it (again) on the same port and waits until it answers.
func (s *SSH) Start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "sshd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(s.Dir, "sshd_config"))
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(s.t, s.cmd.Start())
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) { _ = cmd.Wait(); close(exited) }(s.cmd, s.exited)
	waitPort(s.t, s.Target.Port)
}

// Kill ends it at once, with every connection it serves.
func (s *SSH) Kill() {
	for _, pid := range append(descendants(s.Pid()), s.Pid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.exited
}

// Descendants are the processes that it and the commands it runs consist of,
// itself excluded.
func (s *SSH) Descendants() []int { return descendants(s.Pid()) }

// NewHostKey gives it another host key and restarts it.
func (s *SSH) NewHostKey() {
	s.t.Helper()
	s.Kill()
	require.NoError(s.t, os.Remove(s.hostKeyFile()))
	require.NoError(s.t, os.Remove(s.hostKeyFile()+".pub"))
	require.NoError(s.t, sshx.Keygen(s.t.Context(), s.hostKeyFile(), "sshtest"))
	s.Start()
}

// Session opens a session to it in a directory of its own, with a space in its
// name, since that takes quoting.
func (s *SSH) Session() *sshx.Session {
	s.t.Helper()
	session, err := sshx.Open(s.Target, filepath.Join(s.t.TempDir(), "ssh files"))
	require.NoError(s.t, err)
	return session
}

func (s *SSH) hostKeyFile() string { return filepath.Join(s.Dir, "host_key") }

func (s *SSH) writeConfig() {
	pub, err := os.ReadFile(s.Target.KeyFile + ".pub")
	require.NoError(s.t, err)
	line := string(pub)
	if s.options.Root != "" {
		script := filepath.Join(s.Dir, "rooted")
		require.NoError(s.t, os.WriteFile(script, []byte(fmt.Sprintf(rooted, s.options.As, s.options.Root)), 0o755))
		s.options.ForcedCommand = script
	}
	if s.options.ForcedCommand != "" {
		line = fmt.Sprintf("restrict,command=\"%s\" %s", strings.ReplaceAll(s.options.ForcedCommand, `"`, `\"`), line)
	}
	require.NoError(s.t, os.WriteFile(filepath.Join(s.Dir, "authorized_keys"), []byte(line), 0o600))
	config := fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %s
AuthorizedKeysFile %s
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
# The default one takes a second on an emulated processor.
KexAlgorithms curve25519-sha256
LogLevel VERBOSE
`, s.Target.Port, s.hostKeyFile(), filepath.Join(s.Dir, "authorized_keys"))
	if len(s.options.Env) > 0 {
		config += "SetEnv " + strings.Join(s.options.Env, " ") + "\n"
	}
	config += s.options.Config
	require.NoError(s.t, os.WriteFile(filepath.Join(s.Dir, "sshd_config"), []byte(config), 0o600))
}

func waitPort(t testing.TB, port int) {
	t.Helper()
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, "no answer on port %d", port)
}

// FreePort gives a loopback port that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// RequireTool fails the test when a program is missing, naming the package
// that has it: a test that cannot run where it was meant to run has failed.
func RequireTool(t testing.TB, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", program, pkg)
	}
}
