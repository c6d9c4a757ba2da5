package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"planb/internal/devstack"
)

// guardianArg makes the test program the guardian of a stack instead.
const guardianArg = "end-stack-of"

// Main starts a stack, hands it to use, and runs the tests; see Guarded.
func Main(m *testing.M, use func(*Stack)) (code int) {
	return Guarded(m, func(ctx context.Context, dir string) error {
		s, err := Start(ctx, dir)
		if err == nil {
			use(s)
		}
		return err
	})
}

// Guarded has start make a stack, or parts of one, below a directory, its state
// at StateOf, and runs the tests. A guardian, a process of its own, takes
// everything down as soon as this one is gone, be it at the end, by a panic, a
// time-out of go test, or a kill.
func Guarded(m *testing.M, start func(ctx context.Context, dir string) error) (code int) {
	if len(os.Args) == 3 && os.Args[1] == guardianArg {
		return complain(guard(os.Args[2]))
	}
	dir, err := os.MkdirTemp("", "planb-faults")
	if err != nil {
		return complain(err)
	}
	end, err := startGuardian(dir)
	if err != nil {
		return complain(err)
	}
	defer func() {
		if err := end(); err != nil {
			code = complain(err)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := start(ctx, dir); err != nil {
		return complain(err)
	}
	return m.Run()
}

func complain(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "harness:", err)
	return 1
}

// startGuardian starts it; end lets it take everything down and waits for that.
func startGuardian(dir string) (end func() error, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, guardianArg, dir)
	// Ctrl-C is for the tests; the guardian hears of their end by its input.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A file: were it this process's own output, go test would wait for the
	// guardian of a killed one.
	log, err := os.CreateTemp("", "planb-guardian-*.log")
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	return func() error {
		err := errors.Join(alive.Close(), cmd.Wait())
		if err != nil {
			text, _ := os.ReadFile(log.Name())
			err = fmt.Errorf("taking the stack down: %w:\n%s", err, text)
		}
		return errors.Join(err, log.Close(), os.Remove(log.Name()))
	}, cmd.Start()
}

// guard waits for the end of the tests, and ends what they left.
func guard(dir string) error {
	signal.Ignore(syscall.SIGTERM, os.Interrupt)
	_, _ = io.Copy(io.Discard, os.Stdin)
	s, err := devstack.New(devstack.Options{State: StateOf(dir), Program: []string{"planb"}})
	if err != nil {
		return err
	}
	// zfs-fuse may call a pool busy for a minute after its last file was closed.
	for range 6 {
		if err = s.Down(context.Background()); err == nil {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("%w\nthe end of planb's log:\n%s", err, devstack.LogTail(s.Components()[len(s.Components())-1].LogFile(), 30))
	}
	return errors.Join(err, os.RemoveAll(dir))
}
