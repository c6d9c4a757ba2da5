package zfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

func TestRename(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	write(t, c, ds, "file", "text")
	_, _, err := c.TakeSnapshot(t.Context(), ds, "s1", map[string]string{zfs.PropRun: "r1"})
	require.NoError(t, err)

	require.NoError(t, c.Rename(t.Context(), ds, parent+"/acme/web2"))
	require.NoError(t, c.Rename(t.Context(), ds, parent+"/acme/web2"), "the second time it has happened")
	d, err := c.Dataset(t.Context(), parent+"/acme/web2")
	require.NoError(t, err)
	require.True(t, d.Mounted)
	require.Equal(t, "id-1", d.Props[zfs.PropHost])
	b, err := os.ReadFile(filepath.Join(d.Mountpoint, "file"))
	require.NoError(t, err)
	require.Equal(t, "text", string(b))
	s, err := c.Snapshot(t.Context(), parent+"/acme/web2", "s1")
	require.NoError(t, err)
	require.Equal(t, "r1", s.Props[zfs.PropRun])

	// A group, with the hosts in it.
	require.NoError(t, c.Rename(t.Context(), parent+"/acme", parent+"/emca"))
	mnt, err := c.EnsureMounted(t.Context(), parent+"/emca/web2")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(mnt, "file"))

	require.ErrorIs(t, c.Rename(t.Context(), parent+"/emca/web2", parent+"/gone/web2"), zfs.ErrNotExist)
	require.ErrorIs(t, c.Rename(t.Context(), parent+"/nobody", parent+"/emca/x"), zfs.ErrNotExist)
	_, _, err = c.EnsureDataset(t.Context(), parent+"/emca/web3", nil)
	require.NoError(t, err)
	require.ErrorIs(t, c.Rename(t.Context(), parent+"/emca/web2", parent+"/emca/web3"), zfs.ErrExists)
	require.Error(t, c.Rename(t.Context(), parent+"/emca/web2", "other/emca/web2"))
	require.FileExists(t, filepath.Join(mnt, "file"), "what failed left it mounted")
}

func TestRenameOfOneInUse(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	write(t, c, ds, "file", "text")
	d, err := c.Dataset(t.Context(), ds)
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(d.Mountpoint, "file"))
	require.NoError(t, err)
	defer f.Close()
	require.ErrorIs(t, c.Rename(t.Context(), ds, parent+"/acme/web2"), zfs.ErrBusy)
	require.FileExists(t, filepath.Join(d.Mountpoint, "file"))
	require.NoError(t, f.Close())
	require.NoError(t, c.Rename(t.Context(), ds, parent+"/acme/web2"))
}

func TestEnsureMounted(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	write(t, c, ds, "file", "text")
	d, err := c.Dataset(t.Context(), ds)
	require.NoError(t, err)
	unmount(t, ds)
	require.NoFileExists(t, filepath.Join(d.Mountpoint, "file"))
	mnt, err := c.EnsureMounted(t.Context(), ds)
	require.NoError(t, err)
	require.Equal(t, d.Mountpoint, mnt)
	require.FileExists(t, filepath.Join(mnt, "file"))

	require.NoError(t, c.SetProps(t.Context(), ds, map[string]string{"mountpoint": "none"}))
	_, err = c.EnsureMounted(t.Context(), ds)
	require.ErrorContains(t, err, "zfs set mountpoint=/DIR")
}
