package zfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

func snapNames(list []zfs.Snapshot) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
	}
	return out
}

func TestTakeSnapshot(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	props := map[string]string{zfs.PropRun: "run-1", zfs.PropState: "ok", zfs.PropTiers: "daily,weekly"}
	s, created, err := c.TakeSnapshot(t.Context(), ds, "weekly-202611230130", props)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, ds, s.Dataset)
	require.Equal(t, "weekly-202611230130", s.Name)
	require.Equal(t, props, s.Props, "its own properties, not those of its dataset")
	require.Positive(t, s.Referenced)

	s, created, err = c.TakeSnapshot(t.Context(), ds, "weekly-202611230130", map[string]string{zfs.PropRun: "run-2"})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, "run-1", s.Props[zfs.PropRun], "the one that was there is returned unchanged")

	_, _, err = c.TakeSnapshot(t.Context(), ds+"x", "daily-202611230130", nil)
	require.ErrorIs(t, err, zfs.ErrNotExist)
}

func TestDestroySnapshots(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	for _, n := range []string{"a", "b", "c", "d"} {
		_, _, err := c.TakeSnapshot(t.Context(), ds, n, nil)
		require.NoError(t, err)
	}
	require.NoError(t, c.Hold(t.Context(), ds, "b", "planb", "audit 2026"))
	require.NoError(t, c.Hold(t.Context(), ds, "b", "planb", "audit 2026"), "holding twice is holding once")
	destroyed, err := c.DestroySnapshots(t.Context(), ds, []string{"a", "b", "c", "never-was"})
	require.ErrorIs(t, err, zfs.ErrBusy)
	require.ErrorContains(t, err, ds+"@b")
	require.Equal(t, []string{"a", "c", "never-was"}, destroyed)
	list, err := c.Snapshots(t.Context(), ds)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "d"}, snapNames(list))
	require.Equal(t, 1, list[0].Holds)
	require.Equal(t, "audit 2026", list[0].Props[zfs.PropHoldReason])

	require.NoError(t, c.Release(t.Context(), ds, "b", "planb"))
	require.NoError(t, c.Release(t.Context(), ds, "b", "planb"), "releasing twice is releasing once")
	b, err := c.Snapshot(t.Context(), ds, "b")
	require.NoError(t, err)
	require.Zero(t, b.Holds)
	require.NotContains(t, b.Props, zfs.PropHoldReason)
	destroyed, err = c.DestroySnapshots(t.Context(), ds, []string{"b"})
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, destroyed)
}
