package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErrorNamesCodeAndLastLine(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Cmd{Argv: []string{"sh", "-c", "echo first >&2; echo 'the cause' >&2; exit 7"}})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 7, e.Code)
	require.Equal(t, "sh: exit code 7: the cause", err.Error())
}

func TestStderrIsBounded(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Cmd{Argv: []string{"sh", "-c", "seq 1 20000 >&2; exit 1"}})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.LessOrEqual(t, len(e.Stderr), MaxStderr)
	require.True(t, strings.HasSuffix(e.Stderr, "20000\n"))
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	require.True(t, NotFound(Run(t.Context(), Cmd{Argv: []string{"no-such-program-here"}})))
}

func TestLocaleIsC(t *testing.T) {
	t.Setenv("LC_ALL", "nl_NL.UTF-8")
	out, err := Output(t.Context(), "sh", "-c", "echo $LC_ALL")
	require.NoError(t, err)
	require.Equal(t, "C\n", string(out))
}

// A cancelled run leaves nothing of its process group, not even a grandchild
// that ignores SIGTERM.
func TestCancelEndsTheGroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("told to stop")
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Cmd{
			Argv:  []string{"sh", "-c", "(trap '' TERM; echo $BASHPID >/dev/null; sh -c 'echo $$' >" + file + ".tmp; exec sleep 60) & echo $! >" + file + "; wait"},
			Grace: 200 * time.Millisecond,
		})
	}()
	var pid int
	require.Eventually(t, func() bool {
		b, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0
	}, 5*time.Second, 5*time.Millisecond)
	cancel(reason)
	require.ErrorIs(t, <-done, reason)
	require.Eventually(t, func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid)
	}, 5*time.Second, 5*time.Millisecond)
}

func zombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}
