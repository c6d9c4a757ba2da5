//go:build openzfs

package openzfs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// snapshotsOf are the names of a dataset's snapshots, as ZFS has them.
func snapshotsOf(t testing.TB, dataset string) []string {
	t.Helper()
	var names []string
	for full := range strings.FieldsSeq(vm.run(t, "zfs", "list", "-H", "-t", "snapshot", "-o", "name", "-s", "creation", dataset)) {
		_, name, _ := strings.Cut(full, "@")
		names = append(names, name)
	}
	return names
}

// What PlanB says of versions, holds and pruning is what ZFS itself does.
func TestSnapshotsAreThoseOfZFS(t *testing.T) {
	const source, dataset = "/srv/versions", storage + "/life/web1"
	vm.script(t, "mkdir "+source+" && echo first >"+source+"/file")
	addHost(t, "life/web1", source, "--keep", "3d")
	first := backup(t, "life/web1").Text("snapshot")
	vm.script(t, "echo second >"+source+"/file && mkdir "+source+"/new")
	run := backup(t, "life/web1")
	require.EqualValues(t, 1, run["files_transferred"])
	second := run.Text("snapshot")

	t.Run("each version can be read", func(t *testing.T) {
		planb.Must(t, "restore", "life/web1@"+first, source, "--to", "/var/tmp/first", "--as-self")
		planb.Must(t, "restore", "life/web1@"+second, source, "--to", "/var/tmp/second", "--as-self")
		require.Equal(t, "first", vm.run(t, "cat", "/var/tmp/first"+source+"/file"))
		require.Equal(t, "second", vm.run(t, "cat", "/var/tmp/second"+source+"/file"))
		vm.script(t, "test ! -e /var/tmp/first"+source+"/new && test -d /var/tmp/second"+source+"/new")
		require.NotContains(t, vm.run(t, "zfs", "list", "-H", "-r", "-o", "name", "tank"), "planb-view", "no clones where there is .zfs/snapshot")
	})
	t.Run("a hold is one of ZFS", func(t *testing.T) {
		planb.Must(t, "snapshot", "hold", "life/web1@"+first, "--reason", "audit 2026")
		require.Contains(t, vm.run(t, "zfs", "holds", "-H", dataset+"@"+first), first)
		_, err := vm.try("zfs", "destroy", dataset+"@"+first)
		require.ErrorContains(t, err, "busy", "not even root destroys it")
		planb.Must(t, "snapshot", "release", "life/web1@"+first)
		require.Empty(t, vm.run(t, "zfs", "holds", "-H", dataset+"@"+first))
	})
	t.Run("many are destroyed at once", func(t *testing.T) {
		var old []string
		for day := 1; day <= 6; day++ {
			old = append(old, fmt.Sprintf("daily-2026010%d0130", day))
			vm.run(t, "zfs", "snapshot", "-o", "planb:state=ok", dataset+"@"+old[day-1])
		}
		planb.Must(t, "prune", "life/web1", "--yes")
		left := snapshotsOf(t, dataset)
		require.Subset(t, left, []string{second})
		for _, name := range old[:4] {
			require.NotContains(t, left, name)
		}
		// The pool keeps a record of what was done to it.
		history := vm.run(t, "zpool", "history", "tank")
		require.Regexp(t, `(?m) zfs destroy `+dataset+`@daily-\S*(,daily-\S*){3,}$`, history)
	})
}

// The rules of deploy/sudoers are all that a worker needs, and no more.
func TestSudoRules(t *testing.T) {
	log := vm.run(t, "cat", sudoLog)
	require.Contains(t, log, "COMMAND=/usr/sbin/zfs snapshot ")
	require.Contains(t, log, "COMMAND=/usr/bin/chown 998:998 /tank/BACKUP/kinds/web1")
	require.Contains(t, log, "COMMAND=/usr/sbin/zpool status tank")
	require.NotContains(t, log, "not allowed", "what a worker asked for in the tests before")
	for _, argv := range [][]string{
		{"/usr/bin/chown", "998:998", "/etc/shadow"},
		{"/usr/bin/chown", "998:998", "/tank/BACKUP/../../etc"},
		{"/usr/bin/chown", "998:998", "/tank/BACKUP/life/web1", "/etc/shadow"},
		{"/usr/bin/chown", "0:0", "/tank/BACKUP/life/web1"},
		{"/usr/bin/chown", "-R", "998:998", "/tank/BACKUP/life"},
		{"/usr/sbin/zpool", "destroy", "tank"},
		{"/usr/sbin/zfs", "allow", "planb", "create", "tank"},
		{"/usr/bin/id"},
	} {
		out, err := vm.try(append([]string{"runuser", "-u", "planb", "--", "sudo", "-n"}, argv...)...)
		require.Error(t, err, "%q: %s", argv, out)
		require.Contains(t, out, "a password is required", "%q", argv)
	}
}

// largeHole is the size of a file that is nearly all hole, in bytes.
const largeHole = 5 << 30

// A file larger than 4 GB that takes hardly any room does neither in a backup.
func TestALargeHole(t *testing.T) {
	const source = "/srv/holes"
	vm.run(t, "mkdir", source)
	vm.run(t, testBinary, makeHole, source+"/large", fmt.Sprint(int64(largeHole)))
	addHost(t, "life/holes", source, "--flag", "--compress")
	run := backup(t, "life/holes")
	require.EqualValues(t, largeHole, run["bytes_total"])
	rows := planb.List(t, "ls", "life/holes", source+"/large")
	require.EqualValues(t, largeHole, rows[0]["size"])
	kept := dataOf("life/holes") + source + "/large"
	require.Equal(t, vm.run(t, testBinary, listData, source+"/large"), vm.run(t, testBinary, listData, kept))
	require.Regexp(t, `^[0-2]\s`, vm.run(t, "du", "-m", kept))
}
