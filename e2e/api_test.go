package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// overAPI runs planb with a token and an address, and neither a configuration
// nor anything of PlanB's or Temporal's in its environment.
func overAPI(t *testing.T, token string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, append([]string{"--config", "/dev/null", "--server", stack.WebURL, "--token-file", token}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Somebody without the database adds a host, backs it up, finds a file and gets
// it back, with a token alone.
func TestEverythingThroughTheAPI(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	// That the key is a file on the storage server is for an admin to say.
	must(t, "group", "add", "remote", "--ssh-key", s.Target.KeyFile)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(must(t, "token", "add", "e2e-remote", "--role", "admin:remote", "--expires", "1d")), 0o600))
	do := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := overAPI(t, file, args...)
		require.Zero(t, code, "%q: %s%s", args, stdout, stderr)
		return stdout
	}
	do("host", "add", "remote/web1", "--address", s.Target.Address, "--port", strconv.Itoa(s.Target.Port),
		"--user", s.Target.User, "--include", "/")
	require.Contains(t, do("backup", "remote/web1", "--wait", "--json"), `"state":"ok"`)
	require.Contains(t, do("ls", "remote/web1", "/etc"), "hostname")
	require.Contains(t, do("find", "remote/web1", "hostname"), "/etc/hostname")
	require.Contains(t, do("history", "remote/web1", "/etc/hostname"), "yearly-")

	archive := do("restore", "remote/web1", "/etc/hostname", "--tar", "-")
	unpack := exec.CommandContext(t.Context(), "tar", "-xO")
	unpack.Stdin = strings.NewReader(archive)
	content, err := unpack.Output()
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join(src, "etc/hostname"))
	require.NoError(t, err)
	require.Equal(t, string(want), string(content))

	// What is printed is what is printed beside the database.
	for _, args := range [][]string{
		{"host", "list", "--group", "remote", "--json"},
		{"host", "show", "remote/web1", "--json"},
		{"snapshots", "remote/web1", "--json"},
		{"ls", "remote/web1", "/etc", "--json"},
		{"find", "remote/web1", "host*", "--json"},
		{"history", "remote/web1", "/etc/hostname", "--json"},
		{"group", "show", "remote", "--json"},
	} {
		require.JSONEq(t, must(t, args...), do(args...), "%q", args)
	}
	var id string
	for _, r := range listing(t, "runs", "remote/web1") {
		id = r["run"].(string)
	}
	require.Equal(t, must(t, "run", "log", id), do("run", "log", id))

	for args, want := range map[string]int{
		"host show remote/none": 3, "host show wide/web1": 3, "migrate": 2, "run cancel " + id: 4, "ls remote/web1 /none": 3,
		"host edit remote/web1 --flag=--rsh=id": 2, "restore remote/web1 /etc --to /tmp/x": 2,
	} {
		_, stderr, code := overAPI(t, file, strings.Fields(args)...)
		require.Equal(t, want, code, "%s: %s", args, stderr)
	}
}

// The example of docs/api.md does what it says, as it is written.
func TestExampleOfTheAPIRuns(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```sh\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	example = strings.ReplaceAll(example, "https://planb.example.com", stack.WebURL)
	must(t, "group", "add", "example")
	must(t, "host", "add", "example/api", "--address", "192.0.2.1", "--disabled", "an example")
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", example)
	cmd.Env = []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH"), "HOME=" + home, "PLANB_CONFIG=" + stack.Config}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "\nexample/api ", "planb host list")
	require.Contains(t, string(out), `"host":"example/api"`, "curl")
	info, err := os.Stat(filepath.Join(home, ".planb-token"))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
}
