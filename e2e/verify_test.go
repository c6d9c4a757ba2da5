package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// verified runs a verification and gives its run, with what it found.
func verified(t testing.TB, code int, args ...string) (run, found row) {
	t.Helper()
	r := planb(t, append(append([]string{"verify"}, args...), "--json")...)
	require.Equal(t, code, r.code, "%s%s", r.stdout, r.stderr)
	rows := decode(t, r.stdout)
	require.Len(t, rows, 1)
	detail := rows[0]["detail"].(map[string]any)
	v := detail["verified"].(map[string]any)
	return rows[0], v["tally"].(map[string]any)
}

// TestVerify proves a backup by all its files, and finds what breaks silently.
func TestVerify(t *testing.T) {
	t.Parallel()
	root := source(t)
	server := sshtest.Server(t, sshtest.Options{Root: root})
	addHost(t, "verify/web1", server, "--include", "/", "--canary", "/etc/hostname", "--verify-sample", "random=3,bytes=64M")
	snapshot := backupOK(t, "verify/web1")

	run, found := verified(t, done, "verify/web1", "--all")
	require.Equal(t, "verify", run["kind"])
	require.Equal(t, "ok", run["state"], "%v", run)
	require.Equal(t, snapshot, run["snapshot"])
	require.EqualValues(t, 0, found["not_comparable"])
	require.Equal(t, found["files"], found["compared"])
	require.Equal(t, found["files"], found["by_host"])
	require.Equal(t, found["files"], found["by_sum"], "hard links too: %v", found)
	require.EqualValues(t, 1, found["canaries_ok"])
	require.Greater(t, found["files"], 9.0)
	host := listing(t, "host", "list", "--group", "verify")[0]
	require.NotEmpty(t, host["last_proven"])
	require.Equal(t, "ok", host["health"])
	log := must(t, "run", "log", run["run"].(string))
	require.Contains(t, log, "verified: proven")

	// Bits that change on the host, and keep size and time.
	file := filepath.Join(root, "etc/hostname")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("webl\n"), 0o644))
	require.NoError(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	run, found = verified(t, failed, "verify/web1@"+snapshot)
	require.Equal(t, "failed", run["state"])
	require.Contains(t, run["message"], "/etc/hostname is in the backup as the host sent it")
	require.NotEmpty(t, run["remedy"])
	require.EqualValues(t, 1, found["mismatched"])
	host = listing(t, "host", "list", "--group", "verify")[0]
	require.Equal(t, "failing", host["health"])
	require.Equal(t, "mismatch", host["last_verify_state"])
	require.Contains(t, must(t, "host", "show", "verify/web1"), "planb verify --report verify/web1")

	// Changed for everybody to see: the checksum still proves what was backed up.
	require.NoError(t, os.WriteFile(file, []byte("web2 now\n"), 0o644))
	_, found = verified(t, done, "verify/web1")
	require.EqualValues(t, 1, found["canaries_ok"])
	require.Equal(t, "ok", listing(t, "host", "list", "--group", "verify")[0]["health"])

	// Without the host there are the checksums.
	server.Kill()
	run, found = verified(t, done, "verify/web1", "--sample", "random=5")
	require.Contains(t, run["message"], "by checksums alone")
	require.EqualValues(t, 0, found["by_host"])

	evidence := listing(t, "verify", "--report", "verify/web1")
	require.Len(t, evidence, 4)
	require.Equal(t, "proven", evidence[3]["outcome"])
	require.Equal(t, "all,bytes=2G", evidence[3]["sample"])
	require.NotEmpty(t, evidence[0]["worker_version"])
	require.Equal(t, "ONLINE", evidence[0]["pool_health"])
	paper := must(t, "verify", "--report", "--group", "verify")
	require.Contains(t, paper, "4 in all: 3 proven, 1 with a mismatch, 0 that proved nothing")
	require.Contains(t, paper, "MISMATCH  verify/web1")
	require.Len(t, listing(t, "runs", "verify/web1"), 5)

	// Nothing stays, neither of the restored files nor in the way of pruning.
	left, err := os.ReadDir(filepath.Join(filepath.Dir(stack.Config), "planb", "verify"))
	require.NoError(t, err)
	for _, e := range left {
		require.False(t, strings.HasPrefix(e.Name(), run["run"].(string)), e.Name())
	}
	d, err := temporal(t).ScheduleClient().GetHandle(t.Context(), "verify").Describe(t.Context())
	require.NoError(t, err)
	require.Len(t, d.Info.NextActionTimes, 10, "hosts have their turn by themselves")
	require.Equal(t, notFound, planb(t, "verify", "verify/nobody").code)
	require.Equal(t, usage, planb(t, "verify", "verify/web1", "--all", "--sample", "random=5").code)
	require.Equal(t, usage, planb(t, "verify", "verify/web1", "--sample", "some").code)
}
