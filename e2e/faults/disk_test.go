//go:build faults

package faults

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/policy"
)

// sourcePool is a disk of a host, which can rot: a pool in a file.
type sourcePool struct{ name, dir, image string }

func newSourcePool(t testing.TB) sourcePool {
	t.Helper()
	dir := t.TempDir()
	p := sourcePool{name: fmt.Sprintf("planbt%d_rot", os.Getpid()), dir: dir, image: filepath.Join(dir, "pool.img")}
	f, err := os.Create(p.image)
	require.NoError(t, err)
	require.NoError(t, errors.Join(f.Truncate(128*mib), f.Close()))
	harness.Zpool(t, "create", "-o", "cachefile=none", "-m", p.root(), p.name, p.image)
	t.Cleanup(func() {
		eventually(t, func() bool {
			return exec.Command(harness.ToolPath(t, "zpool"), "destroy", "-f", p.name).Run() == nil
		}, "the pool %s is not destroyed", p.name)
	})
	return p
}

func (p sourcePool) root() string { return filepath.Join(p.dir, "mnt") }

// rot overwrites on disk every place where one of the texts stands.
func (p sourcePool) rot(t testing.TB, texts ...[]byte) {
	t.Helper()
	harness.Zpool(t, "export", p.name)
	disk, err := os.ReadFile(p.image)
	require.NoError(t, err)
	for _, text := range texts {
		require.Positive(t, bytes.Count(disk, text), "%q is not on the disk", text)
		disk = bytes.ReplaceAll(disk, text, bytes.Repeat([]byte{'~'}, len(text)))
	}
	f, err := os.OpenFile(p.image, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(disk)
	require.NoError(t, errors.Join(err, f.Sync(), f.Close()))
	harness.Zpool(t, "import", "-o", "cachefile=none", "-d", p.dir, p.name)
}

// One file and one directory of the host cannot be read. What can be is kept,
// but it is never the last good, and neither rsync nor retention removes what
// is older.
func TestDiskOfTheHostRots(t *testing.T) {
	t.Parallel()
	pool := newSourcePool(t)
	h := newHostOn(t, "rot/disk", pool.root())
	noise := make([]byte, 128<<10)
	_, _ = rand.Read(noise)
	require.NoError(t, os.Mkdir(filepath.Join(h.source, "mail"), 0o755))
	h.write(t, "bad", noise)
	h.write(t, "mail/a-letter-from-mother", []byte("dear child\n"))
	h.write(t, "removed later", []byte("x"))
	first := h.ended(t, h.start(t))
	h.requireGood(t, first)
	h.write(t, "new", []byte("new\n"))
	good := h.ended(t, h.start(t))
	h.requireGood(t, good)
	before := harness.Snapshots(t, h.dataset())
	require.Len(t, before, 2)
	// From now on retention would remove the first.
	stack.Must(t, "host", "edit", h.name, "--keep", "1d", "--floor", "1")

	require.NoError(t, os.Remove(filepath.Join(h.source, "removed later")))
	h.write(t, "newer", []byte("newer\n"))
	pool.rot(t, noise[:512], []byte("a-letter-from-mother"))
	// Its time says that it has to be read again.
	require.NoError(t, os.Chtimes(filepath.Join(h.source, "bad"), good.Started, good.Started))
	_, err := os.ReadFile(filepath.Join(h.source, "bad"))
	require.ErrorContains(t, err, "input/output error")

	r := h.ended(t, h.start(t))
	require.Equal(t, policy.StatePartial, r.State, "%s\n%s", r.Message, &story{t, r.ID})
	h.requireSnapshot(t, r)
	require.Equal(t, append(before, string(r.Snapshot)), harness.Snapshots(t, h.dataset()))
	found, err := theCatalog(t).Host(t.Context(), mustParse(t, h.name))
	require.NoError(t, err)
	require.Equal(t, string(good.Snapshot), found.LastGoodSnapshot)
	require.FileExists(t, filepath.Join(h.data(), "newer"))
	require.FileExists(t, filepath.Join(h.data(), "mail/a-letter-from-mother"))
	requireStory(t, r.ID, "state partial", "could not be taken", "because reading had errors nothing was deleted",
		"what to do", "deletions none were made", "rsync exit code 23")
	require.Contains(t, stack.Must(t, "run", "log", r.ID), "Input/output error")
}

// The storage has no room in mid-pull: the run fails, says what to do, and what
// was there stays. Once there is room the next run is as any other.
func TestStorageFullInMidPull(t *testing.T) {
	t.Parallel()
	h := newHost(t, "full/pull", mib)
	first := h.ended(t, h.start(t))
	h.requireGood(t, first)
	was := filepath.Join(t.TempDir(), "as it was")
	require.NoError(t, exec.Command("cp", "-a", h.source, was).Run())
	before := harness.Snapshots(t, h.dataset())

	harness.ZFS(t, "set", "quota=6M", h.dataset())
	h.grow(t, 16*mib)
	r := h.ended(t, h.start(t))
	require.Equal(t, policy.StateFailed, r.State, "%s", &story{t, r.ID})
	require.Empty(t, r.Snapshot)
	require.Contains(t, r.Message, "storage is full")
	require.Equal(t, before, harness.Snapshots(t, h.dataset()))
	require.Empty(t, harness.Writers(h.data()))
	requireStory(t, r.ID, "state failed", "the storage is full", "what to do make room in the pool or raise the dataset's quota")
	h.requireRestores(t, string(first.Snapshot), was)

	harness.ZFS(t, "set", "quota=none", h.dataset())
	h.requireGood(t, h.ended(t, h.start(t)))
	h.requireRestores(t, string(first.Snapshot), was)
	require.True(t, strings.HasPrefix(string(first.Snapshot), "yearly-"))
}
