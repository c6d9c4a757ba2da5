// Package command runs the programs that PlanB drives (zfs, ssh, rsync, sudo)
// in one way: each in a process group of its own, with a bounded memory of
// what it said on standard error, its locale forced to C, and a typed error.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// MaxStderr is how many bytes of standard error an Error keeps: the last ones,
// since programs name the cause of their end at the end.
const MaxStderr = 8 << 10

// DefaultGrace is how long a process group may take to end after SIGTERM
// before it gets SIGKILL.
const DefaultGrace = 10 * time.Second

// Cmd describes one program run. The zero value of every field but Argv is
// usable.
type Cmd struct {
	// Argv is the program and its arguments; no shell ever reads them.
	Argv []string
	// Dir is the working directory; empty means the caller's.
	Dir string
	// Env is added to the caller's environment. LC_ALL=C and LANGUAGE= are
	// always set, so that messages can be recognised.
	Env []string
	// OnlyEnv leaves the caller's environment out.
	OnlyEnv bool
	// EndGroup ends what is left of the process group also after a good end.
	EndGroup bool
	// Stdin, Stdout and Stderr are connected when set. What goes to Stderr is
	// also remembered, up to MaxStderr, for the error.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// ExtraFiles are inherited from descriptor 3 on, e.g. a lock.
	ExtraFiles []*os.File
	// Grace overrides DefaultGrace.
	Grace time.Duration
	// Started, when set, is called with the process id right after the start.
	Started func(pid int)
}

// Error is a program that could not be started or that ended with a code
// other than 0.
type Error struct {
	Argv []string
	// Code is the exit code; -1 when it never started or was ended by Signal.
	Code   int
	Signal syscall.Signal
	// Stderr holds at most MaxStderr bytes, the last ones.
	Stderr string
	// Err is the cause: an *exec.Error, *exec.ExitError or a context's cause.
	Err error
}

// Error gives the program, how it ended, and the last line that it wrote.
func (e *Error) Error() string {
	what := e.Err.Error()
	switch {
	case e.Signal != 0:
		what = "ended by " + e.Signal.String()
	case e.Code > 0:
		what = fmt.Sprintf("exit code %d", e.Code)
	}
	if last := lastLine(e.Stderr); last != "" {
		what += ": " + last
	}
	return e.Argv[0] + ": " + what
}

// Unwrap gives the cause, so that errors.Is finds context.Canceled and
// exec.ErrNotFound.
func (e *Error) Unwrap() error { return e.Err }

// NotFound says whether err is a program that this machine does not have.
func NotFound(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// Run runs c to its end. When ctx ends first, the whole process group gets
// SIGTERM, after the grace time SIGKILL, and Run returns, once the group's
// leader is gone, an *Error whose cause is the context's.
func Run(ctx context.Context, c Cmd) error {
	grace := c.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	tail := &tailBuffer{max: MaxStderr}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	if !c.OnlyEnv {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(append(cmd.Env, "LC_ALL=C", "LANGUAGE="), c.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, tail
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(tail, c.Stderr)
	}
	cmd.ExtraFiles = c.ExtraFiles
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace

	fail := func(err error) error {
		e := &Error{Argv: c.Argv, Code: -1, Stderr: tail.String(), Err: err}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			e.Code = exit.ExitCode()
			if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				e.Signal = ws.Signal()
			}
		}
		if cause := context.Cause(ctx); cause != nil {
			e.Err = cause
		}
		return e
	}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	if c.Started != nil {
		c.Started(cmd.Process.Pid)
	}
	err := cmd.Wait()
	// Wait ends only the leader after WaitDelay; whatever else of the group is
	// left (ssh under rsync, say) must not outlive it.
	if c.EndGroup || ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay) {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// Output runs argv and gives its standard output.
func Output(ctx context.Context, argv ...string) ([]byte, error) {
	var out bytes.Buffer
	err := Run(ctx, Cmd{Argv: argv, Stdout: &out})
	return out.Bytes(), err
}

// tailBuffer remembers the last max bytes written to it.
type tailBuffer struct {
	max int
	buf []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tailBuffer) String() string { return strings.ToValidUTF8(string(t.buf), "?") }

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return strings.TrimSpace(s)
}
