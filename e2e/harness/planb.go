package harness

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

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// Planb is the built program and the configuration that it works with.
type Planb struct {
	Program, Config string
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Command is planb with args, its configuration, and nothing of PlanB's or
// Temporal's from the environment.
func (p *Planb) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Program, args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PLANB_") && !strings.HasPrefix(kv, "TEMPORAL_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "PLANB_CONFIG="+p.Config)
	return cmd
}

// Try runs a command and says how it ended.
func (p *Planb) Try(t testing.TB, args ...string) Result {
	t.Helper()
	cmd := p.Command(context.Background(), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Must runs a command that succeeds and gives what it printed.
func (p *Planb) Must(t testing.TB, args ...string) string {
	t.Helper()
	r := p.Try(t, args...)
	require.Zero(t, r.Code, "planb %q: %s%s", args, r.Stdout, r.Stderr)
	return r.Stdout
}

// Row is one object of a --json listing.
type Row map[string]any

// Text is a field that holds a text, or "".
func (r Row) Text(field string) string {
	s, _ := r[field].(string)
	return s
}

// List runs a command that succeeds with --json and gives its rows.
func (p *Planb) List(t testing.TB, args ...string) []Row {
	t.Helper()
	return Decode(t, p.Must(t, append(args, "--json")...))
}

// Decode reads what --json printed.
func Decode(t testing.TB, text string) []Row {
	t.Helper()
	var rows []Row
	require.NoError(t, json.Unmarshal([]byte(text), &rows), text)
	return rows
}

// AddHost adds a host that server is.
func (p *Planb) AddHost(t testing.TB, host string, server *sshtest.SSH, flags ...string) {
	t.Helper()
	p.Must(t, append([]string{
		"host", "add", host, "--address", server.Target.Address, "--port", strconv.Itoa(server.Target.Port),
		"--user", server.Target.User, "--ssh-key", server.Target.KeyFile,
	}, flags...)...)
}
