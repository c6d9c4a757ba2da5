package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// Exit statuses of planb.
const (
	done = iota
	failed
	usage
	notFound
	refused
)

// patience is how long anything here may take, on a busy machine.
const patience = time.Minute

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// planb runs a command against the stack.
func planb(t testing.TB, args ...string) result {
	t.Helper()
	return planbWith(t, nil, args...)
}

// planbWith runs a command with more in its environment.
func planbWith(t testing.TB, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PLANB_") && !strings.HasPrefix(kv, "TEMPORAL_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(append(cmd.Env, "PLANB_CONFIG="+stack.Config), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "planb %q does not end: %s%s", args, stdout.String(), stderr.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that succeeds and gives what it printed.
func must(t testing.TB, args ...string) string {
	t.Helper()
	r := planb(t, args...)
	require.Equal(t, done, r.code, "planb %q: %s%s", args, r.stdout, r.stderr)
	return r.stdout
}

// row is one object of a --json listing.
type row map[string]any

// listing runs a command that succeeds with --json and gives its rows.
func listing(t testing.TB, args ...string) []row {
	t.Helper()
	return decode(t, must(t, append(args, "--json")...))
}

func decode(t testing.TB, text string) []row {
	t.Helper()
	var rows []row
	require.NoError(t, json.Unmarshal([]byte(text), &rows), text)
	return rows
}

// backup backs a host up by hand and gives the run, whatever came of it.
func backup(t testing.TB, host string) row {
	t.Helper()
	r := planb(t, "backup", host, "--wait", "--json")
	rows := decode(t, r.stdout)
	require.Len(t, rows, 1, r.stderr)
	return rows[0]
}

// backupOK backs a host up and gives the name of the snapshot.
func backupOK(t testing.TB, host string) (snapshot string) {
	t.Helper()
	run := backup(t, host)
	require.Equal(t, "ok", run["state"], "%v", run)
	require.NotEmpty(t, run["snapshot"])
	return run["snapshot"].(string)
}

// addHost adds a host that s is, with the includes given.
func addHost(t testing.TB, host string, s *sshtest.SSH, flags ...string) {
	t.Helper()
	must(t, append(addArgs(host, s), flags...)...)
}

// addArgs is the command that adds s as a host.
func addArgs(host string, s *sshtest.SSH) []string {
	return []string{
		"host", "add", host, "--address", s.Target.Address, "--port", strconv.Itoa(s.Target.Port),
		"--user", s.Target.User, "--ssh-key", s.Target.KeyFile,
	}
}

// find gives the row of a listing whose field has the value.
func find(t testing.TB, rows []row, field, value string) row {
	t.Helper()
	for _, r := range rows {
		if r[field] == value {
			return r
		}
	}
	require.Failf(t, "no such row", "%s=%s in %v", field, value, rows)
	return nil
}

// requireOneLine checks that a command ended in one line on stderr that says
// what is wrong, and printed nothing else.
func requireOneLine(t testing.TB, r result, code int, says string) {
	t.Helper()
	require.Equal(t, code, r.code, "%s%s", r.stdout, r.stderr)
	require.Contains(t, r.stderr, says)
	require.Equal(t, 1, strings.Count(r.stderr, "\n"), "more than one line: %s", r.stderr)
	require.True(t, strings.HasPrefix(r.stderr, "planb: ") && strings.HasSuffix(r.stderr, "\n"), r.stderr)
	require.Empty(t, r.stdout)
}
