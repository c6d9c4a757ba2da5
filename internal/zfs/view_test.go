package zfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

// snapshots takes n snapshots s0, s1, … whose file "file" holds their name.
func snapshots(t *testing.T, c *zfs.Client, ds string, n int) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		write(t, c, ds, "file", name)
		_, _, err := c.TakeSnapshot(t.Context(), ds, name, nil)
		require.NoError(t, err)
	}
}

// clones gives the names of the clones that views made in the pool of parent.
func clones(t *testing.T, parent string) []string {
	t.Helper()
	out := zfsList(t, strings.SplitN(parent, "/", 2)[0])
	var list []string
	for _, name := range out {
		if strings.Contains(name, "planb-view-") {
			list = append(list, name)
		}
	}
	return list
}

func TestOpenSnapshot(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	write(t, c, ds, "file", "first")
	_, _, err := c.TakeSnapshot(t.Context(), ds, "s1", nil)
	require.NoError(t, err)
	write(t, c, ds, "file", "second")

	v, err := c.OpenSnapshot(t.Context(), ds, "s1")
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(v.Path(), "file"))
	require.NoError(t, err)
	require.Equal(t, "first", string(b))
	require.Error(t, os.WriteFile(filepath.Join(v.Path(), "file"), nil, 0o644), "a view is read-only")
	list, err := c.Datasets(t.Context(), parent)
	require.NoError(t, err)
	require.Equal(t, []string{parent + "/acme", ds}, names(list), "a view is not a dataset")

	require.NoError(t, v.Close())
	require.NoError(t, v.Close(), "closing twice is closing once")
	require.Empty(t, clones(t, parent))
	_, err = c.DestroySnapshots(t.Context(), ds, []string{"s1"})
	require.NoError(t, err)

	_, err = c.OpenSnapshot(t.Context(), ds, "s1")
	require.ErrorIs(t, err, zfs.ErrNotExist)
	_, err = c.OpenSnapshot(t.Context(), parent+"/acme/gone", "s1")
	require.ErrorIs(t, err, zfs.ErrNotExist)
}

// Many readers come and go, of few snapshots: each sees what it asked for, and
// nothing is left in the end.
func TestViewsAreShared(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	snapshots(t, c, ds, 2)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			for j := range 3 {
				snap := fmt.Sprintf("s%d", (i+j)%2)
				v, err := c.OpenSnapshot(t.Context(), ds, snap)
				if err != nil {
					errs[i] = err
					return
				}
				b, err := os.ReadFile(filepath.Join(v.Path(), "file"))
				if err == nil && string(b) != snap {
					err = fmt.Errorf("view of %s shows %q", snap, b)
				}
				if errs[i] = errors.Join(err, v.Close()); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Empty(t, clones(t, parent))
}

// Pruning meets a reader: that snapshot stays, the others go.
func TestDestroyBesideAReader(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	snapshots(t, c, ds, 3)
	v, err := c.OpenSnapshot(t.Context(), ds, "s1")
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(v.Path(), "file"))
	require.NoError(t, err)
	destroyed, err := c.DestroySnapshots(t.Context(), ds, []string{"s0", "s1", "s2"})
	require.ErrorIs(t, err, zfs.ErrBusy)
	require.ErrorContains(t, err, ds+"@s1")
	require.Equal(t, []string{"s0", "s2"}, destroyed)
	b := make([]byte, 2)
	_, err = f.Read(b)
	require.NoError(t, err)
	require.Equal(t, "s1", string(b))

	require.NoError(t, f.Close())
	require.NoError(t, v.Close())
	destroyed, err = c.DestroySnapshots(t.Context(), ds, []string{"s1"})
	require.NoError(t, err)
	require.Equal(t, []string{"s1"}, destroyed)
}

func TestIdleViews(t *testing.T) {
	t.Parallel()
	_, parent, ds := hostDataset(t)
	for name, idle := range map[string]time.Duration{"long": time.Hour, "short": 10 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			c := zfs.New(zfs.Options{ViewDir: t.TempDir(), ViewIdle: idle})
			_, _, err := c.TakeSnapshot(t.Context(), ds, name, nil)
			require.NoError(t, err)
			a, err := c.Abilities(t.Context(), ds)
			require.NoError(t, err)
			v, err := c.OpenSnapshot(t.Context(), ds, name)
			require.NoError(t, err)
			require.NoError(t, v.Close())
			if idle == time.Hour && !a.SnapDir {
				require.Len(t, clones(t, parent), 1, "it waits for the next reader")
				again, err := c.OpenSnapshot(t.Context(), ds, name)
				require.NoError(t, err)
				require.Equal(t, v.Path(), again.Path())
				require.NoError(t, again.Close())
				_, err = c.DestroySnapshots(t.Context(), ds, []string{name})
				require.NoError(t, err, "but does not keep the snapshot from being destroyed")
			}
			require.Eventually(t, func() bool { return len(clones(t, parent)) == 0 }, 20*time.Second, 20*time.Millisecond)
			require.NoError(t, c.Close())
		})
	}
}

func TestCloseDestroysIdleViews(t *testing.T) {
	t.Parallel()
	_, parent, ds := hostDataset(t)
	c := zfs.New(zfs.Options{ViewDir: t.TempDir(), ViewIdle: time.Hour})
	snapshots(t, c, ds, 1)
	v, err := c.OpenSnapshot(t.Context(), ds, "s0")
	require.NoError(t, err)
	require.NoError(t, v.Close())
	require.NoError(t, c.Close())
	require.Empty(t, clones(t, parent))
}

// What a killed program left is destroyed at the next start, unless it is being
// read; what only looks like it stays.
func TestCleanViews(t *testing.T) {
	t.Parallel()
	c, parent, ds := hostDataset(t)
	snapshots(t, c, ds, 2)
	dead := zfs.New(zfs.Options{ViewDir: t.TempDir()})
	_, err := dead.OpenSnapshot(t.Context(), ds, "s0")
	require.NoError(t, err)
	read, err := dead.OpenSnapshot(t.Context(), ds, "s1")
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(read.Path(), "file"))
	require.NoError(t, err)
	mine, err := c.OpenSnapshot(t.Context(), ds, "s0")
	require.NoError(t, err)
	lookalike := parent + "/planb-view-0123456789abcdef-01234567"
	_, _, err = c.EnsureDataset(t.Context(), lookalike, map[string]string{zfs.PropView: "x"})
	require.NoError(t, err)

	before := clones(t, parent)
	require.NoError(t, c.CleanViews(t.Context(), parent))
	after := clones(t, parent)
	require.Contains(t, after, lookalike)
	b, err := os.ReadFile(filepath.Join(mine.Path(), "file"))
	require.NoError(t, err, "a view of this client stays")
	require.Equal(t, "s0", string(b))
	if len(before) > 1 {
		require.Len(t, after, len(before)-1, "one was nobody's")
	}
	require.NoError(t, f.Close())
	require.NoError(t, c.CleanViews(t.Context(), parent))
	require.NoError(t, mine.Close())
	require.Equal(t, []string{lookalike}, clones(t, parent))
	require.ErrorIs(t, c.CleanViews(t.Context(), parent+"/gone"), zfs.ErrNotExist)
}

// A clone that somebody else destroyed is made anew for the next reader.
func TestViewSurvivesItsCloneBeingDestroyed(t *testing.T) {
	t.Parallel()
	_, parent, ds := hostDataset(t)
	c := zfs.New(zfs.Options{ViewDir: t.TempDir(), ViewIdle: time.Hour})
	snapshots(t, c, ds, 1)
	v, err := c.OpenSnapshot(t.Context(), ds, "s0")
	require.NoError(t, err)
	require.NoError(t, v.Close())
	other := zfs.New(zfs.Options{})
	require.NoError(t, other.CleanViews(t.Context(), parent))
	require.Empty(t, clones(t, parent))
	v, err = c.OpenSnapshot(t.Context(), ds, "s0")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(v.Path(), "file"))
	require.NoError(t, v.Close())
	require.NoError(t, c.Close())
}
