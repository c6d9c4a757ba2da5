package harness

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

// ZFS runs zfs and gives its output: what is on the pool is asked of the pool
// itself here, never of PlanB.
func ZFS(t testing.TB, args ...string) string { return tool(t, "zfs", args...) }

// Zpool runs zpool and gives its output.
func Zpool(t testing.TB, args ...string) string { return tool(t, "zpool", args...) }

func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	if mounts(args[0]) {
		// Two mounts at once can bring zfs-fuse to a halt.
		unlock, err := zfs.New(zfs.Options{}).LockMounts(context.Background())
		require.NoError(t, err)
		defer unlock()
	}
	cmd := exec.Command(ToolPath(t, name), args...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

// mounts says whether a call of zfs or zpool may mount something.
func mounts(call string) bool {
	return slices.Contains([]string{"create", "destroy", "export", "import", "mount", "set"}, call)
}

// ToolPath finds zfs or zpool, which Debian keeps where only root looks.
func ToolPath(t testing.TB, name string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	p := "/usr/sbin/" + name
	_, err := os.Stat(p)
	require.NoError(t, err, "%s is missing: apt-get install zfsutils-linux or zfs-fuse", name)
	return p
}

// Snapshots are the names of a dataset's snapshots, oldest first, without the
// dataset's.
func Snapshots(t testing.TB, dataset string) []string {
	t.Helper()
	names := []string{}
	for _, full := range strings.Fields(ZFS(t, "list", "-H", "-t", "snapshot", "-o", "name", "-s", "creation", "-r", dataset)) {
		_, name, _ := strings.Cut(full, "@")
		names = append(names, name)
	}
	return names
}

// Property is one property's value, in bytes where it is a size.
func Property(t testing.TB, property, of string) string {
	t.Helper()
	return ZFS(t, "get", "-Hp", "-o", "value", property, of)
}
