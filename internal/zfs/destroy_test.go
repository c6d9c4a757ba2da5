package zfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

func TestBadNamesReachNoCommand(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	_, _, err := c.TakeSnapshot(t.Context(), ds, "s1", nil)
	require.NoError(t, err)
	for _, name := range []string{"", "-r", "-", "s1@s1", "s1,s2", "s1%", "%", "a b", "../s1", "s1/x", "s1#b", "s1\n", "*"} {
		_, err := c.DestroySnapshots(t.Context(), ds, []string{"s1", name})
		require.ErrorContains(t, err, "is not a snapshot name", "%q", name)
		_, _, err = c.TakeSnapshot(t.Context(), ds, name, nil)
		require.Error(t, err, "%q", name)
		require.Error(t, c.Hold(t.Context(), ds, name, "planb", ""), "%q", name)
		require.Error(t, c.Hold(t.Context(), ds, "s1", name, ""), "%q", name)
		_, err = c.OpenSnapshot(t.Context(), ds, name)
		require.Error(t, err, "%q", name)
	}
	for _, name := range []string{"", "-r", ds + "@s1", parent + "/", "/" + parent, parent + "//x", parent + "/..", parent + "/a b", parent + "/%x", parent + "/-x", parent + "/a\n"} {
		require.ErrorContains(t, c.DestroyDataset(t.Context(), name), "is not a ZFS dataset name", "%q", name)
		_, _, err := c.EnsureDataset(t.Context(), name, nil)
		require.ErrorContains(t, err, "is not a ZFS dataset name", "%q", name)
		_, err = c.DestroySnapshots(t.Context(), name, []string{"s1"})
		require.Error(t, err, "%q", name)
		require.Error(t, c.Rename(t.Context(), ds, name), "%q", name)
		_, err = c.Datasets(t.Context(), name)
		require.Error(t, err, "%q", name)
	}
	for _, props := range []map[string]string{
		{"planb:other": "x"},
		{"-r": "x"},
		{"a=b": "x"},
		{zfs.PropRun: "two\nlines"},
		{zfs.PropRun: "a\ttab"},
		{zfs.PropRun: string(make([]byte, 2000))},
	} {
		require.Error(t, c.SetProps(t.Context(), ds, props))
		_, _, err := c.TakeSnapshot(t.Context(), ds, "s2", props)
		require.Error(t, err)
	}
	list, err := c.Snapshots(t.Context(), ds)
	require.NoError(t, err)
	require.Equal(t, []string{"s1"}, snapNames(list))
}

func TestDestroySnapshotsOfNothing(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	destroyed, err := c.DestroySnapshots(t.Context(), ds, nil)
	require.NoError(t, err)
	require.Empty(t, destroyed)
	_, err = c.DestroySnapshots(t.Context(), parent+"/gone", []string{"s1"})
	require.ErrorIs(t, err, zfs.ErrNotExist, "of a dataset that is not seen nothing is known to be gone")
}

func TestDestroyDataset(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	write(t, c, ds, "file", "text")
	for _, n := range []string{"a", "b"} {
		_, _, err := c.TakeSnapshot(t.Context(), ds, n, nil)
		require.NoError(t, err)
	}
	require.ErrorIs(t, c.DestroyDataset(t.Context(), parent+"/acme"), zfs.ErrBusy, "it has a child")
	require.ErrorContains(t, c.DestroyDataset(t.Context(), ds[:len("planbt")]), "never destroys a pool")

	require.NoError(t, c.Hold(t.Context(), ds, "b", "planb", "audit"))
	require.ErrorContains(t, c.DestroyDataset(t.Context(), ds), "snapshot b is held")
	require.NoError(t, c.Release(t.Context(), ds, "b", "planb"))

	can, err := c.Abilities(t.Context(), ds)
	require.NoError(t, err)
	if !can.SnapDir { // what is read through .zfs/snapshot goes under its reader
		v, err := c.OpenSnapshot(t.Context(), ds, "b")
		require.NoError(t, err)
		require.ErrorIs(t, c.DestroyDataset(t.Context(), ds), zfs.ErrBusy, "a snapshot of it is being read")
		list, err := c.Snapshots(t.Context(), ds)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, snapNames(list), "a refusal destroys nothing")
		require.NoError(t, v.Close())
	}

	require.NoError(t, c.DestroyDataset(t.Context(), ds))
	_, err = c.Dataset(t.Context(), ds)
	require.ErrorIs(t, err, zfs.ErrNotExist)
	require.NoError(t, c.DestroyDataset(t.Context(), ds), "the second time it is gone")
	require.ErrorIs(t, c.DestroyDataset(t.Context(), "planbt-absent/acme/web1"), zfs.ErrNotExist,
		"of a pool that is not there nothing is known to be gone")
}
