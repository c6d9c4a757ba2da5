package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/devstack"
)

func devRun(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: &bytes.Buffer{}, stdout: &stdout, stderr: &stderr}
	status = a.run(t.Context(), append([]string{"planb", "dev"}, args...))
	return status, stdout.String(), stderr.String()
}

func TestDevMistakesGetOneLine(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	empty := t.TempDir()
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitNotFound, "nothing was started in " + none, []string{"env", "--state", none}},
		{exitNotFound, "nothing was started in " + none, []string{"down", "--state", none}},
		{exitNotFound, "nothing was started in " + empty, []string{"status", "--state", empty}},
		{exitNotFound, "nothing was started in " + empty, []string{"env", "--state", empty}},
		{exitUsage, "--demo needs --detach", []string{"up", "--state", empty, "--demo"}},
		{exitUsage, "takes no arguments", []string{"up", "now", "--state", empty}},
		{exitUsage, "no command", []string{"sideways"}},
	} {
		status, out, errs := devRun(t, c.args...)
		require.Equal(t, c.status, status, c.args)
		require.Contains(t, errs, c.says)
		require.Equal(t, 1, bytes.Count([]byte(errs), []byte("\n")), errs)
		require.Empty(t, out)
	}
	require.NoDirExists(t, none)
}

// What dev env prints must mean to a shell what it meant to PlanB.
func TestDevEnvIsReadByAShell(t *testing.T) {
	t.Parallel()
	odd := `it's "odd" $HOME \ ` + "`x`"
	for _, s := range []string{"", "plain", odd} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(s)).Output()
		require.NoError(t, err)
		require.Equal(t, s, string(out))
	}
	names := map[string]bool{}
	for _, kv := range stackEnv(devstack.Info{}) {
		names[kv[:len(kv)-1]] = true
	}
	for _, name := range []string{
		"PLANB_CONFIG", "PLANB_DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "PLANB_WEB_URL",
		"PLANB_WEB_USER", "PLANB_WEB_PASSWORD", "PLANB_TEMPORAL_UI_URL", "PLANB_STORAGE",
	} {
		require.True(t, names[name], name)
	}
}

func TestDetachedProgressIsShownUntilReady(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = io.WriteString(w, "starting postgres ok\nready, not yet\n\x04not for us")
	require.NoError(t, err)
	require.True(t, a.copyUntilReady(r))
	require.Equal(t, "starting postgres ok\nready, not yet\n", out.String())

	require.NoError(t, w.Close())
	require.False(t, a.copyUntilReady(r), "it ended before it was ready")
	require.NoError(t, r.Close())
}
