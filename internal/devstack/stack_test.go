package devstack

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/command"
	"planb/internal/config"
	"planb/internal/mailcatch"
)

// The tests run the stack as a program of its own, this one again, so that it
// can be killed; and it plays planb there, which has tests of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "run-stack":
			os.Exit(runStack(os.Args[2], os.Args[3]))
		case "lose-daemon":
			if err := loseDaemon(os.Args[2]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "play-planb":
			if os.Args[2] == "dev" { // dev mail
				os.Exit(playMail(os.Args[4:]))
			}
			os.Exit(playPlanb(os.Args[3], os.Args[4]))
		}
	}
	os.Exit(m.Run())
}

// playPlanb reads the configuration as planb does and serves a page.
func playPlanb(file, command string) int {
	c, err := config.Load(file, os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	switch command {
	case "migrate":
		return 0
	case "storage":
		fmt.Printf("[{\"dataset\":%q}]\n", c.Storages[0].Dataset)
		return 0
	}
	l, err := net.Listen("tcp", c.Web.Listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(os.Stderr, http.Serve(l, http.NotFoundHandler())) //nolint:gosec // a test's page
	return 1
}

// playMail is `planb dev mail`.
func playMail(args []string) int {
	flags := flag.NewFlagSet("mail", flag.ContinueOnError)
	dir, smtpAt, webAt := flags.String("maildir", "", ""), flags.String("smtp", "", ""), flags.String("web", "", "")
	err := flags.Parse(args)
	var at [2]net.Listener
	for i, address := range []string{*smtpAt, *webAt} {
		if err == nil {
			at[i], err = net.Listen("tcp", address)
		}
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = mailcatch.Serve(ctx, mailcatch.Maildir(*dir), at[0], at[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runStack(state, bin string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	exe, err := os.Executable()
	if err == nil {
		var s *Stack
		if s, err = New(Options{State: state, Bin: bin, Program: []string{exe, "play-planb"}, Out: os.Stdout}); err == nil {
			err = s.Run(ctx, func() { fmt.Println("ready") })
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// supervisor runs the stack of a state directory in a process of its own and
// returns when all is ready.
func supervisor(t *testing.T, dir, bin string) (kill func()) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	ready := make(chan struct{})
	out := &watched{want: "ready\n", seen: ready}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var pid atomic.Int64
	go func() {
		ended <- command.Run(ctx, command.Cmd{
			Argv: []string{exe, "run-stack", dir, bin}, Stdout: out,
			Started: func(p int) { pid.Store(int64(p)) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the stack ended: %v\n%s", err, out.text())
	}
	return func() {
		require.NoError(t, syscall.Kill(int(pid.Load()), syscall.SIGKILL))
		require.Error(t, <-ended)
	}
}

// watched remembers what is written and closes seen once want was.
type watched struct {
	want string
	seen chan struct{}

	mu   sync.Mutex
	buf  bytes.Buffer
	once sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(p)
	if strings.Contains(w.buf.String(), w.want) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func temporalBin(t *testing.T) string {
	t.Helper()
	bin, err := DefaultBin()
	require.NoError(t, err)
	require.NoError(t, BuildTemporal(t.Context(), bin, os.Stderr, false))
	return bin
}

func pids(t *testing.T, s *Stack) map[string]int {
	t.Helper()
	rows, err := s.Status(t.Context())
	require.NoError(t, err)
	m := map[string]int{}
	for _, r := range rows {
		if r.PID != nil {
			m[r.Component] = *r.PID
		}
	}
	return m
}

func TestStackSurvivesKillsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, bin := state(t), temporalBin(t)
	s, err := New(Options{State: dir, Bin: bin})
	require.NoError(t, err)
	_, err = s.Status(t.Context())
	require.ErrorIs(t, err, ErrNone)
	t.Cleanup(func() { require.NoError(t, s.Down(context.Background())) })

	kill := supervisor(t, dir, bin)
	pid, ready := Supervisor(dir)
	require.NotZero(t, pid)
	require.True(t, ready)
	require.ErrorIs(t, s.Run(t.Context(), func() {}), ErrRunning)
	info, err := ReadInfo(dir)
	require.NoError(t, err)
	require.NoError(t, answers(t.Context(), info.WebURL))
	require.NoError(t, answers(t.Context(), info.MailURL))
	require.NoError(t, answers(t.Context(), info.TemporalUIURL))
	require.Equal(t, s.ZFS.Storage(), info.Storage)
	for _, private := range []string{info.Config, infoFile(dir), info.SSHKey} {
		fi, err := os.Stat(private)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), fi.Mode().Perm(), private)
	}
	rows, err := s.Status(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 8)
	for _, r := range rows {
		require.Equal(t, "running", r.State, r.Component)
	}

	// A part that dies is started again, where it was.
	before := pids(t, s)
	require.NoError(t, syscall.Kill(before["temporal-ui"], syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now := pids(t, s)["temporal-ui"]
		return now != 0 && now != before["temporal-ui"] && answers(t.Context(), info.TemporalUIURL) == nil
	}, 30*time.Second, 50*time.Millisecond)

	// After a kill of the supervisor its parts go on; a new one replaces them,
	// at the same addresses.
	kill()
	left := pids(t, s)
	require.NotContains(t, left, "supervisor")
	require.Contains(t, left, "postgres")
	supervisor(t, dir, bin)
	again, err := ReadInfo(dir)
	require.NoError(t, err)
	require.Equal(t, info, again)
	now := pids(t, s)
	require.Len(t, now, len(before))
	for name, pid := range left {
		if name != "zfs" {
			require.NotEqual(t, pid, now[name], name)
		}
	}

	require.NoError(t, s.Down(t.Context()))
	require.Empty(t, pids(t, s))
	for name, pid := range now {
		if name == "zfs" {
			continue
		}
		_, err := readStat(pid)
		require.ErrorIs(t, err, errGone, name)
	}
	require.False(t, s.ZFS.Imported(t.Context()))
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), dir)
	require.NoError(t, s.Down(t.Context()))
}

func TestStackThatCannotStartStopsWhatItStarted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", Loopback+":0")
	require.NoError(t, err)
	defer l.Close()
	dir := state(t)
	out := &bytes.Buffer{}
	s, err := New(Options{
		State: dir, Bin: temporalBin(t), Out: out,
		Ports: Ports{SSH: l.Addr().(*net.TCPAddr).Port},
	})
	require.NoError(t, err)
	err = s.Run(t.Context(), func() { t.Error("ready") })
	require.ErrorContains(t, err, "sshd does not start: port")
	require.Contains(t, out.String(), "starting sshd         failed")
	require.Zero(t, s.Postgres.PID())
	require.False(t, s.ZFS.Imported(t.Context()))
	pid, _ := Supervisor(dir)
	require.Zero(t, pid)
	// The message of a component that dies at once quotes its log.
	s.SSH.Port, s.SSH.Config = 0, []string{"NoSuchOption yes"}
	err = s.SSH.Start(t.Context())
	require.ErrorContains(t, err, "NoSuchOption")
	require.ErrorContains(t, err, filepath.Join(dir, "logs", "sshd.log"))
	require.NoError(t, s.SSH.Stop(t.Context()))
}

func TestConfigNamesTheWholeStack(t *testing.T) {
	t.Parallel()
	s, err := New(Options{State: filepath.Join(t.TempDir(), `with "quotes" and ü`)})
	require.NoError(t, err)
	s.Postgres.passwords = map[string]string{"planb": "pw"}
	require.NoError(t, s.planb.configure())
	c, err := config.Load(s.ConfigFile(), nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(s.State, "planb"), c.State)
	require.Equal(t, []config.Storage{{Dataset: s.ZFS.Storage()}}, c.Storages)
	require.Equal(t, s.planb.Address(), c.Web.URL)
	require.GreaterOrEqual(t, len(c.Data.Key), config.MinDataKey)
}
