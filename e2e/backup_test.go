package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// The story that everything else hangs on.
func TestBackUpChangeAndRestore(t *testing.T) {
	src := source(t)
	s := sshtest.Server(t)
	out := must(t, append(addArgs("acme/web1", s), "--include", src)...)
	require.Contains(t, out, "Added group acme.")
	require.Contains(t, out, "Added host acme/web1.")

	r := planb(t, "backup", "acme/web1", "--wait", "--json")
	require.Equal(t, done, r.code, r.stderr)
	require.Contains(t, r.stdout, `"state":"ok"`)
	run := decode(t, r.stdout)[0]
	first := run["snapshot"].(string)
	requireFields(t, run, runFields)
	require.Positive(t, run["files_total"])
	require.Greater(t, run["bytes_transferred"], float64(bigSize/2))
	dataset := stack.Storage + "/acme/web1"
	require.Contains(t, snapshotsOnPool(t, dataset), dataset+"@"+first)
	requireSame(t, src, restore(t, "acme/web1@"+first, src))

	was := filepath.Join(t.TempDir(), "as it was")
	require.NoError(t, exec.Command("cp", "-a", src, was).Run())
	scribble(t, filepath.Join(src, "big"), bigSize/8, bigSize/100)
	write(t, src, "etc/hostname", "web1.acme.example\n")
	write(t, src, "etc/new file", "new\n")
	require.NoError(t, os.Remove(filepath.Join(src, strangeName)))
	require.NoError(t, os.Lchown(filepath.Join(src, "zero bytes"), 4242, 0))
	run = backup(t, "acme/web1")
	require.Equal(t, "ok", run["state"], "%v", run)
	require.EqualValues(t, 3, run["files_transferred"])
	require.EqualValues(t, 1, run["files_deleted"])
	require.Less(t, run["bytes_transferred"], float64(bigSize/8))
	second := run["snapshot"].(string)

	// The newest snapshot is as the source is, the first as it was.
	now, before := restore(t, "acme/web1", src), restore(t, "acme/web1@"+first, src)
	requireSame(t, src, now)
	requireSame(t, was, before)
	require.ElementsMatch(t, []string{
		`*deleting   new\#012line and "quotes" and -dash`,
		">fcst...... etc/hostname",
		">fc.t...... big",
		">f+++++++++ etc/new file",
		".f....o.... zero bytes",
		".d..t...... ./", ".d..t...... etc/",
	}, changes(t, now, before))

	// In place: what changed is what the pool had to store again.
	require.Eventually(t, func() bool {
		used := zfsNumber(t, "used", dataset+"@"+first)
		return used > bigSize/100 && used < bigSize/8
	}, 15*time.Second, 200*time.Millisecond, "the first snapshot should hold little but the 1 %% that changed")

	snaps := listing(t, "snapshots", "acme/web1")
	require.Len(t, snaps, 2)
	require.Equal(t, first, snaps[0]["snapshot"])
	require.Equal(t, second, snaps[1]["snapshot"])
	require.Equal(t, "ok", zfsGet(t, "planb:state", dataset+"@"+second))
}
