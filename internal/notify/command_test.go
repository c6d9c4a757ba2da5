package notify

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// script gives a channel that runs a shell script.
func script(t *testing.T, text string, args ...string) *program {
	t.Helper()
	ch, err := New(config.Channel{Name: "own", Type: "command", Command: append([]string{"/bin/sh", "-c", text, "sh"}, args...)})
	require.NoError(t, err)
	return ch.(*program)
}

func TestCommandIsTold(t *testing.T) {
	t.Setenv("PLANB_DATABASE_URL", "a secret")
	dir := t.TempDir()
	p := script(t, `cat >"$1/stdin"; env >"$1/env"; printf %s "$2" >"$1/arg"`, dir, `$(touch /tmp/never)`)
	require.NoError(t, p.Send(t.Context(), "", sample()))
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(text)
	}
	var n Notice
	require.NoError(t, json.Unmarshal([]byte(read("stdin")), &n))
	require.Equal(t, sample(), n)
	require.Equal(t, `$(touch /tmp/never)`, read("arg"), "no shell reads the arguments")
	require.Contains(t, read("env"), "PLANB_NOTICE_KIND=failed\n")
	require.Contains(t, read("env"), "PLANB_NOTICE_HOST=acme/web1\n")
	require.NotContains(t, read("env"), "a secret")
}

func TestCommandFailures(t *testing.T) {
	t.Parallel()
	err := script(t, `echo the cause >&2; exit 1`).Send(t.Context(), "", sample())
	require.ErrorContains(t, err, "exit code 1: the cause")
	require.False(t, Refused(err))
	err = script(t, `exit 65`).Send(t.Context(), "", sample())
	require.True(t, Refused(err))
	p := script(t, `sleep 60`)
	p.time = 100 * time.Millisecond
	err = p.Send(t.Context(), "", sample())
	require.ErrorContains(t, err, "it took longer than 100ms")
	require.False(t, Refused(err))
}

// Nothing that a command started outlives it, also when it ended well.
func TestCommandLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, script(t, `sleep 60 >/dev/null 2>&1 & echo $! >"$1"`, file).Send(t.Context(), "", sample()))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}, 5*time.Second, 5*time.Millisecond)
}
