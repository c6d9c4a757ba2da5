// Package e2e drives the built planb program against the real PostgreSQL,
// Temporal, ZFS, OpenSSH and rsync, the way an operator does.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	// The program is built by these tests rather than linked into them; named
	// here so that a change of it counts as a change of the tests.
	_ "planb/cli"
	"planb/internal/devstack"
	"planb/internal/sshx"
)

// Set once by TestMain.
var (
	program string
	stack   devstack.Info
)

// guardianArg makes this program the guardian of a stack instead of the tests.
const guardianArg = "guard-stack"

// TestMain builds planb and has a guardian run one stack for all tests. The
// guardian is a process of its own and takes everything down as soon as this
// one is gone, be it at the end, by a panic, a time-out of go test, or a kill.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == guardianArg {
		os.Exit(guard(os.Args[2]))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "planb-e2e")
	if err != nil {
		return complain(err)
	}
	g, err := startGuardian(dir)
	if err != nil {
		return complain(err)
	}
	defer func() {
		if err := g.stop(); err != nil {
			code = complain(err)
		}
	}()
	if program, stack, err = g.ready(); err != nil {
		return complain(err)
	}
	return m.Run()
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// guardian is the process that owns the stack.
type guardian struct {
	dir string
	cmd *exec.Cmd
	// alive is closed when this process ends, which the guardian waits for.
	alive io.WriteCloser
	said  io.ReadCloser
	log   *os.File
}

func startGuardian(dir string) (*guardian, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	g := &guardian{dir: dir, cmd: exec.Command(exe, guardianArg, dir)}
	// Ctrl-C is for the tests; the guardian hears of their end in its own way.
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if g.alive, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if g.said, err = g.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	// A file without a name, since dir is gone when it is read. Were it this
	// process's own output, go test would wait for the guardian after a kill.
	if g.log, err = os.CreateTemp("", "planb-e2e-*.log"); err != nil {
		return nil, err
	}
	if err := os.Remove(g.log.Name()); err != nil {
		return nil, err
	}
	g.cmd.Stderr = g.log
	return g, g.cmd.Start()
}

// readyLine is what the guardian says once the stack can be used.
const readyLine = "ready\n"

// startTime is how long that may take. Temporal may have to be built first.
const startTime = 15 * time.Minute

func (g *guardian) ready() (string, devstack.Info, error) {
	late := time.AfterFunc(startTime, func() { _ = g.alive.Close() })
	defer late.Stop()
	said := make([]byte, len(readyLine))
	if _, err := io.ReadFull(g.said, said); err != nil {
		return "", devstack.Info{}, fmt.Errorf("the stack did not start:\n%s", g.text())
	}
	info, err := devstack.ReadInfo(stateOf(g.dir))
	return programOf(g.dir), info, err
}

// stop ends the guardian and tells what it had to say if it ended badly.
func (g *guardian) stop() error {
	_ = g.alive.Close() // closed already when the start took too long
	err := g.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w:\n%s", err, g.text())
	}
	return errors.Join(err, g.log.Close())
}

// text is what the guardian had to say so far.
func (g *guardian) text() []byte {
	text, err := io.ReadAll(io.NewSectionReader(g.log, 0, 1<<20))
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

func programOf(dir string) string { return filepath.Join(dir, "planb") }
func stateOf(dir string) string   { return filepath.Join(dir, "state") }

// restoreKeyOf is the key for pushing files to hosts.
func restoreKeyOf(dir string) string { return filepath.Join(dir, "restore_ed25519") }

// guard runs the stack until standard input ends, and removes dir. It runs in
// this package's directory, as the tests do.
func guard(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err := runStack(ctx, dir)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return complain(err)
	}
	return 0
}

func runStack(ctx context.Context, dir string) error {
	began := time.Now()
	if err := build(ctx, programOf(dir)); err != nil {
		return err
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return err
	}
	if err := devstack.BuildTemporal(ctx, bin, os.Stderr, false); err != nil {
		return err
	}
	if err := sshx.Keygen(ctx, restoreKeyOf(dir), "restore"); err != nil {
		return err
	}
	s, err := devstack.New(devstack.Options{
		State: stateOf(dir), Bin: bin, Out: os.Stderr,
		// Pushing files to hosts is off without a key.
		Program: []string{"env", "PLANB_RESTORE_KEY=" + restoreKeyOf(dir), programOf(dir)},
	})
	if err != nil {
		return err
	}
	err = s.Run(ctx, func() {
		fmt.Fprintf(os.Stderr, "ready after %.1f s\n", time.Since(began).Seconds())
		fmt.Print(readyLine)
	})
	if err == nil {
		return nil
	}
	const lines = 20
	fmt.Fprintf(os.Stderr, "planb said last:\n%s\n", devstack.LogTail(filepath.Join(s.State, "logs", "planb.log"), lines))
	// Nothing of the tests stays, whatever kept it from going in good order.
	after := context.WithoutCancel(ctx)
	err = errors.Join(err, s.Down(after))
	if s.ZFS.Imported(after) {
		destroy := exec.CommandContext(after, "zpool", "destroy", "-f", s.ZFS.Pool())
		destroy.Path = zfsTool("zpool")
		err = errors.Join(err, destroy.Run())
	}
	return err
}

func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, "planb")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}
