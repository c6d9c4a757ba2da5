package zfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
)

// hostDataset makes a host's dataset in a pool of its own.
func hostDataset(t *testing.T) (c *zfs.Client, parent, dataset string) {
	t.Helper()
	c, parent = zfstest.Pool(t)
	dataset = parent + "/acme/web1"
	_, created, err := c.EnsureDataset(t.Context(), dataset, map[string]string{zfs.PropHost: "id-1", zfs.PropName: "acme/web1"})
	require.NoError(t, err)
	require.True(t, created)
	return c, parent, dataset
}

func write(t *testing.T, c *zfs.Client, dataset, file, text string) {
	t.Helper()
	d, err := c.Dataset(t.Context(), dataset)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(d.Mountpoint, file), []byte(text), 0o644))
}

func names(list []zfs.Dataset) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Name)
	}
	return out
}

func TestEnsureDataset(t *testing.T) {
	t.Parallel()
	c, parent, name := hostDataset(t)

	d, created, err := c.EnsureDataset(t.Context(), name, map[string]string{zfs.PropHost: "id-1", zfs.PropName: "acme/web1"})
	require.NoError(t, err)
	require.False(t, created, "the second time it is there")
	require.True(t, d.Mounted)
	require.Equal(t, map[string]string{zfs.PropHost: "id-1", zfs.PropName: "acme/web1"}, d.Props)
	require.DirExists(t, d.Mountpoint)
	require.Positive(t, d.Used)
	require.Positive(t, d.Available)
	require.WithinDuration(t, time.Now(), d.Created, time.Minute)

	group, err := c.Dataset(t.Context(), parent+"/acme")
	require.NoError(t, err)
	require.True(t, group.Mounted)
	require.Empty(t, group.Props)

	// A child does not own what it inherits.
	_, _, err = c.EnsureDataset(t.Context(), name+"/child", nil)
	require.NoError(t, err)
	child, err := c.Dataset(t.Context(), name+"/child")
	require.NoError(t, err)
	require.Empty(t, child.Props)

	list, err := c.Datasets(t.Context(), parent)
	require.NoError(t, err)
	require.Equal(t, []string{parent + "/acme", name, name + "/child"}, names(list))
}

func TestEnsureDatasetLeavesForeignOnesAlone(t *testing.T) {
	t.Parallel()
	c, _, name := hostDataset(t)
	d, created, err := c.EnsureDataset(t.Context(), name, map[string]string{zfs.PropHost: "id-2"})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, "id-1", d.Props[zfs.PropHost])
	again, err := c.Dataset(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, "id-1", again.Props[zfs.PropHost])
}

func TestEnsureDatasetNeverMakesTheStorage(t *testing.T) {
	t.Parallel()
	c, parent := zfstest.Pool(t)
	pool := strings.TrimSuffix(parent, "/BACKUP")
	for name, missing := range map[string]string{
		pool + "/OTHER/acme/web1":          pool + "/OTHER",
		"planbt-absent/BACKUP/acme/web1":   "planbt-absent",
		"planbt-absent/acme":               "planbt-absent",
		parent + "/acme/deep/deeper/still": parent + "/acme/deep",
	} {
		_, created, err := c.EnsureDataset(t.Context(), name, nil)
		require.ErrorIs(t, err, zfs.ErrNotExist, name)
		require.False(t, created)
		var e *zfs.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, missing, e.Name, "%v", err)
	}
	list, err := c.Datasets(t.Context(), pool)
	require.NoError(t, err)
	require.Equal(t, []string{parent}, names(list), "nothing was made on the way")
}

// Of many that ensure at once, exactly one makes it.
func TestEnsureDatasetAtOnce(t *testing.T) {
	t.Parallel()
	c, parent := zfstest.Pool(t)
	var wg sync.WaitGroup
	made := make([]bool, 6)
	errs := make([]error, len(made))
	for i := range made {
		wg.Go(func() {
			_, made[i], errs[i] = c.EnsureDataset(t.Context(), parent+"/acme/web1", map[string]string{zfs.PropHost: "id-1"})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, slices.DeleteFunc(made, func(m bool) bool { return !m }), 1)
}
