package devstack

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/internal/command"
)

// state gives a state directory whose components are gone when the test ends.
func state(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func start(t *testing.T, c Component) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	require.NoError(t, c.Start(t.Context()))
	require.NotZero(t, c.PID())
	require.NotEmpty(t, c.Address())
}

// loopbackOnly fails for every TCP socket of a process tree that listens on
// another address than a loopback one.
func loopbackOnly(t *testing.T, pid int) {
	t.Helper()
	sockets := map[string]bool{}
	pids := []int{pid}
	for _, d := range descendants(pid) {
		pids = append(pids, d.PID)
	}
	for _, p := range pids {
		fds, _ := filepath.Glob("/proc/" + strconv.Itoa(p) + "/fd/*")
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
				sockets[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
			}
		}
	}
	seen := 0
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, line := range strings.Split(string(b), "\n")[1:] {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" || !sockets[f[9]] {
				continue
			}
			seen++
			// 127.0.0.1 in the kernel's byte order.
			require.True(t, strings.HasPrefix(f[1], "0100007F:"), "listens on %s", f[1])
		}
	}
	require.NotZero(t, seen)
}

func query(t *testing.T, url, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

func TestPostgresKeepsItsDataOverAKill(t *testing.T) {
	t.Parallel()
	p := NewPostgres(state(t))
	start(t, p)
	loopbackOnly(t, p.PID())
	require.Equal(t, 7, query(t, p.URL("planb"), "select 7"))
	conn, err := pgx.Connect(t.Context(), p.URL("planb"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "create table kept as select 7 as n")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	port := p.Port

	require.NoError(t, p.Kill())
	<-p.Done()
	require.Zero(t, p.PID())
	require.NoError(t, p.Start(t.Context()))
	require.Equal(t, port, p.Port)
	require.Equal(t, 7, query(t, p.URL("planb"), "select n from kept"))

	// A password is asked for, and the file that holds it is private.
	_, err = pgx.Connect(t.Context(), strings.Replace(p.URL("planb"), p.passwords["planb"], "wrong", 1))
	require.ErrorContains(t, err, "password authentication failed")
	fi, err := os.Stat(filepath.Join(p.dir, "passwords.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), fi.Mode().Perm())
}

func TestPostgresStartsDespiteStalePIDFiles(t *testing.T) {
	t.Parallel()
	p := NewPostgres(state(t))
	start(t, p)
	require.NoError(t, p.Kill())
	// Both files name a process that lives and is none of ours to end.
	bystander := sleeper(t)
	b, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(b), "\n")
	require.NoError(t, os.WriteFile(filepath.Join(p.data(), "postmaster.pid"), []byte(strconv.Itoa(bystander)+"\n"+rest), 0o600))
	id, err := identify(bystander)
	require.NoError(t, err)
	id.Started++
	require.NoError(t, writeIdentity(pidFile(p.state, "postgres"), id))

	again := NewPostgres(p.state)
	require.Zero(t, again.PID())
	start(t, again)
	require.NoError(t, syscall.Kill(bystander, 0))
}

func TestPostgresEndsWhatWasLeftRunning(t *testing.T) {
	t.Parallel()
	p := NewPostgres(state(t))
	start(t, p)
	old := p.identity()
	// As after a kill -9 of the supervisor: another program finds the pid file.
	again := NewPostgres(p.state)
	require.Equal(t, old.PID, again.PID())
	start(t, again)
	require.False(t, old.alive())
}

func TestTwoStatesSideBySide(t *testing.T) {
	t.Parallel()
	a, b := NewPostgres(state(t)), NewPostgres(state(t))
	start(t, a)
	start(t, b)
	require.NotEqual(t, a.Port, b.Port)
	require.NotEqual(t, a.passwords, b.passwords)
	require.NotEqual(t, NewZFS(a.state).Pool(), NewZFS(b.state).Pool())
}

func TestTemporalServesItsNamespaceOverAKill(t *testing.T) {
	t.Parallel()
	dir, bin := state(t), temporalBin(t)
	pg := NewPostgres(dir)
	start(t, pg)
	tmp := NewTemporal(dir, bin, pg)
	start(t, tmp)
	loopbackOnly(t, tmp.PID())
	ui := NewTemporalUI(dir, bin, tmp)
	start(t, ui)
	loopbackOnly(t, ui.PID())

	workflow := func(id string) client.WorkflowRun {
		c, err := client.Dial(client.Options{HostPort: tmp.Address(), Namespace: Namespace})
		require.NoError(t, err)
		defer c.Close()
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: id, TaskQueue: "nobody",
			TypedSearchAttributes: temporal.NewSearchAttributes(
				temporal.NewSearchAttributeKeyKeyword("PlanbHost").ValueSet("acme/web1"),
				temporal.NewSearchAttributeKeyKeyword("PlanbGroup").ValueSet("acme"),
				temporal.NewSearchAttributeKeyKeyword("PlanbState").ValueSet("running")),
		}, "Anything")
		require.NoError(t, err)
		return run
	}
	first := workflow("first")

	require.NoError(t, tmp.Kill())
	<-tmp.Done()
	require.NoError(t, tmp.Start(t.Context()))
	c, err := client.Dial(client.Options{HostPort: tmp.Address(), Namespace: Namespace})
	require.NoError(t, err)
	defer c.Close()
	desc, err := c.DescribeWorkflowExecution(t.Context(), "first", "")
	require.NoError(t, err)
	require.Equal(t, first.GetRunID(), desc.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	workflow("second")
}

func TestSSHHostLetsItsKeyIn(t *testing.T) {
	t.Parallel()
	h := NewSSHHost(state(t), "sshd")
	start(t, h)
	loopbackOnly(t, h.PID())
	key, err := h.HostKey()
	require.NoError(t, err)
	known := filepath.Join(h.state, "known_hosts")
	require.NoError(t, os.WriteFile(known, []byte("["+h.Addr+"]:"+strconv.Itoa(h.Port)+" "+key+"\n"), 0o600))
	login := []string{
		"ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + known,
		"-o", "StrictHostKeyChecking=yes", "-i", h.Key(), "-p", strconv.Itoa(h.Port), h.User + "@" + h.Addr,
	}
	out, err := command.Output(t.Context(), append(login, "echo in")...)
	require.NoError(t, err)
	require.Equal(t, "in\n", string(out))

	// Stopping it ends the sessions too, which left its process group.
	began := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- command.Run(context.Background(), command.Cmd{
			Argv: append(login, "echo begun; exec sleep 600"), Stdout: closeOnWrite(began),
		})
	}()
	<-began
	require.NoError(t, h.Stop(t.Context()))
	require.Error(t, <-ended)
}

func TestZFSPoolComesAndGoes(t *testing.T) {
	t.Parallel()
	z := NewZFS(state(t))
	z.Size = 128 << 20
	start(t, z)
	file := filepath.Join(z.Mountpoint(), "BACKUP", "file")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))

	require.NoError(t, z.Kill())
	<-z.Done()
	require.False(t, z.Imported(t.Context()))
	require.NoFileExists(t, file)
	require.NoError(t, z.Start(t.Context()))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "kept", string(b))

	// Another program's Start takes the pool over.
	again := NewZFS(z.state)
	require.NoError(t, again.Start(t.Context()))
	require.FileExists(t, file)
	require.NoError(t, again.Stop(t.Context()))
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), z.Mountpoint())
}

func TestPorts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := loadPorts(dir)
	first, err := p.pick("x", Loopback, 0)
	require.NoError(t, err)
	require.NoError(t, p.save())
	same, err := loadPorts(dir).pick("x", Loopback, 0)
	require.NoError(t, err)
	require.Equal(t, first, same)

	l, err := net.Listen("tcp", hostPort(first))
	require.NoError(t, err)
	defer l.Close()
	other, err := loadPorts(dir).pick("x", Loopback, 0)
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	_, err = loadPorts(dir).pick("x", Loopback, first)
	require.ErrorContains(t, err, "is taken")
}

// sleeper starts a process that has nothing to do with any stack.
func sleeper(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	pid := make(chan int, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Run(ctx, command.Cmd{Argv: []string{"sleep", "600"}, Started: func(p int) { pid <- p }})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case p := <-pid:
		return p
	case <-time.After(10 * time.Second):
		t.Fatal("sleep does not start")
		return 0
	}
}

type closer struct{ c chan struct{} }

func closeOnWrite(c chan struct{}) *closer { return &closer{c} }

func (c *closer) Write(p []byte) (int, error) {
	if c.c != nil {
		close(c.c)
		c.c = nil
	}
	return len(p), nil
}
