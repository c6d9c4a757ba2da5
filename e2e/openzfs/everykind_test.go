//go:build openzfs

package openzfs

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/dataplane"
)

// addHost adds the machine itself as a host with one include.
func addHost(t testing.TB, host, include string, flags ...string) {
	t.Helper()
	planb.Must(t, append([]string{"host", "add", host, "--address", "127.0.0.1", "--sudo", "--include", include}, flags...)...)
}

// backup backs a host up and gives the run, which ended well.
func backup(t testing.TB, host string) harness.Row {
	t.Helper()
	r := planb.Try(t, "backup", host, "--wait", "--json")
	rows := harness.Decode(t, r.Stdout)
	require.Len(t, rows, 1, r.Stderr)
	require.Equal(t, "ok", rows[0]["state"], "%v", rows[0])
	return rows[0]
}

// requireSame compares two trees in the machine both ways, with everything that
// rsync can compare.
func requireSame(t testing.TB, a, b string, flags ...string) {
	t.Helper()
	for _, p := range [][2]string{{a, b}, {b, a}} {
		argv := append([]string{"rsync", "-aHAXn", "--checksum", "--modify-window=-1", "--numeric-ids", "--itemize-changes", "--delete"}, flags...)
		require.Empty(t, vm.run(t, append(argv, p[0]+"/", p[1]+"/")...))
	}
}

// Everything that a file can be comes back as it was, although the one who
// stores it is an ordinary user, and on the storage it is no danger to anybody.
func TestEveryKindOfFileThroughAnOrdinaryUser(t *testing.T) {
	const source = "/srv/source"
	vm.run(t, testBinary, makeTree, source)
	addHost(t, "kinds/web1", source)
	first := backup(t, "kinds/web1").Text("snapshot")
	again := backup(t, "kinds/web1")
	require.EqualValues(t, 0, again["files_transferred"], "nothing was to be done: %v", again)

	data := dataOf("kinds/web1")
	t.Run("nothing dangerous is stored", func(t *testing.T) {
		require.Empty(t, vm.run(t, "find", data, "(", "-not", "-user", "planb", "-o", "-perm", "/7000",
			"-o", "-not", "-type", "f", "-not", "-type", "d", ")", "-ls"))
		require.NotEmpty(t, vm.run(t, "find", data, "-type", "f"))
	})
	t.Run("proven", func(t *testing.T) {
		out := planb.Must(t, "verify", "kinds/web1@"+first, "--sample", "random=200,largest=0,bytes=64M")
		require.Contains(t, out, "@"+first+": proven")
		require.NotContains(t, out, "host not asked")
		require.NotContains(t, out, "another owner, mode, ACL or attributes")
	})
	t.Run("pushed back", func(t *testing.T) {
		planb.Must(t, "restore", "kinds/web1@"+first, source, "--to-host", "--prefix", "/srv/restored", "--yes")
		requireSame(t, source, "/srv/restored"+source)
	})
	t.Run("from an archive", func(t *testing.T) {
		const archive = "/var/tmp/kinds.tar"
		planb.Must(t, "restore", "kinds/web1@"+first, source, "--tar", archive)
		vm.script(t, "mkdir /srv/unpacked && tar -x -p --same-owner --numeric-owner --acls --xattrs '--xattrs-include=*' -f "+archive+" -C /srv/unpacked")
		// Archives have no sockets.
		requireSame(t, source, "/srv/unpacked"+source, "--exclude=/specials/socket")
	})
	t.Run("without PlanB", func(t *testing.T) {
		vm.script(t, "mkdir /srv/by-hand && rsync -aHAX --numeric-ids --fake-super "+
			filepath.Join(filepath.Dir(data), ".zfs/snapshot", first, "data")+source+"/ root@localhost:/srv/by-hand/")
		requireSame(t, source, "/srv/by-hand")
	})
	t.Run("listed as they were", func(t *testing.T) {
		was := map[string][]listed{}
		require.NoError(t, json.Unmarshal([]byte(vm.run(t, testBinary, listTree, source)), &was))
		for _, dir := range []string{"names", "links", "specials", "owners", "contents", "attributes", "times", "modes"} {
			dir = filepath.Join(source, dir)
			var entries []dataplane.Entry
			require.NoError(t, json.Unmarshal([]byte(planb.Must(t, "ls", "kinds/web1@"+first, dir, "--json")), &entries))
			var is []listed
			for _, e := range entries {
				is = append(is, asListed(e))
			}
			require.ElementsMatch(t, was[dir], is)
		}
	})
}
