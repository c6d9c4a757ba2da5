package e2e

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// zfsOut runs zfs and gives its output. What is on the pool is asked of the
// pool itself here, never of PlanB.
func zfsOut(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("zfs", args...)
	cmd.Path = zfsTool("zfs")
	out, err := cmd.Output()
	require.NoError(t, err, "zfs %q", args)
	return strings.TrimSpace(string(out))
}

// zfsTool finds zfs or zpool, which Debian keeps where only root looks.
func zfsTool(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	return "/usr/sbin/" + name
}

// snapshotsOnPool are the full names of a dataset's snapshots.
func snapshotsOnPool(t testing.TB, dataset string) []string {
	t.Helper()
	return strings.Fields(zfsOut(t, "list", "-H", "-t", "snapshot", "-o", "name", "-r", dataset))
}

func zfsGet(t testing.TB, property, name string) string {
	t.Helper()
	return zfsOut(t, "get", "-Hp", "-o", "value", property, name)
}

func zfsNumber(t testing.TB, property, name string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(zfsGet(t, property, name), 10, 64)
	require.NoError(t, err)
	return n
}
