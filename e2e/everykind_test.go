package e2e

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

// What a file can be, as far as zfs-fuse can hold it: attributes and ACLs are
// for the tests on OpenZFS.
func TestEveryKindOfFile(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "src")
	require.NoError(t, harness.EveryKind(src, harness.Kinds{}))
	addHost(t, "kinds/web1", sshtest.Server(t), "--include", src)
	first := backupOK(t, "kinds/web1")
	harness.RequireSame(t, src, restore(t, "kinds/web1@"+first, src))

	// To another host it comes as whole.
	other := sshtest.Server(t)
	dir := plainDir(t)
	takesBack(t, other, dir)
	must(t, append(addArgs("kinds/web2", other), "--include", "/nonexistent-dir", "--host-key", other.HostKey())...)
	must(t, "restore", "kinds/web1@"+first, src, "--to-host=kinds/web2", "--prefix", dir+"/back")
	harness.RequireSame(t, src, dir+"/back"+src)

	// And again, with all of it there: nothing is to be done.
	run := backup(t, "kinds/web1")
	require.Equal(t, "ok", run["state"], "%v", run)
	require.Zero(t, run["files_transferred"])
}
