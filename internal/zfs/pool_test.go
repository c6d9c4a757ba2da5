package zfs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
)

func unmount(t *testing.T, dataset string) {
	t.Helper()
	out, err := exec.Command("/usr/sbin/zfs", "unmount", dataset).CombinedOutput()
	require.NoError(t, err, string(out))
}

// zfsList gives the names of all filesystems of a pool.
func zfsList(t *testing.T, pool string) []string {
	t.Helper()
	out, err := exec.Command("/usr/sbin/zfs", "list", "-H", "-r", "-o", "name", pool).Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

func TestPool(t *testing.T) {
	t.Parallel()
	c, parent := zfstest.Pool(t)
	name := strings.TrimSuffix(parent, "/BACKUP")
	p, err := c.Pool(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, name, p.Name)
	require.Equal(t, "ONLINE", p.Health)
	// Labels and rounding take their share, each ZFS another one.
	require.InDelta(t, zfstest.Size, p.Size, 20<<20)
	require.Positive(t, p.Free)
	require.Positive(t, p.Allocated)
	_, err = c.Pool(t.Context(), "planbt-absent")
	require.ErrorIs(t, err, zfs.ErrNotExist)
	require.ErrorContains(t, err, "ZFS pool planbt-absent is not there")
	_, err = c.Pool(t.Context(), parent)
	require.Error(t, err)

	room, err := c.Room(t.Context(), parent)
	require.NoError(t, err)
	require.Positive(t, room.Used)
	require.Positive(t, room.Available)
}

func TestAbilities(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	a, err := c.Abilities(t.Context(), ds)
	require.NoError(t, err)
	again, err := c.Abilities(t.Context(), ds)
	require.NoError(t, err)
	require.Equal(t, a, again)
	require.True(t, a.Holds)

	// What it says about attributes is what a program meets there.
	d, err := c.Dataset(t.Context(), ds)
	require.NoError(t, err)
	file := filepath.Join(d.Mountpoint, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	err = syscall.Setxattr(file, "user.test", []byte("1"), 0)
	require.Equal(t, a.Xattrs, err == nil, "%v", err)
	left, err := os.ReadDir(d.Mountpoint)
	require.NoError(t, err)
	require.Len(t, left, 1, "the probe leaves nothing")
}

func TestSetProps(t *testing.T) {
	t.Parallel()
	c, _, ds := hostDataset(t)
	require.NoError(t, c.SetProps(t.Context(), ds, map[string]string{zfs.PropName: "acme/b", zfs.PropHost: "it's \"quoted\" = ünï $(x)"}))
	d, err := c.Dataset(t.Context(), ds)
	require.NoError(t, err)
	require.Equal(t, map[string]string{zfs.PropName: "acme/b", zfs.PropHost: "it's \"quoted\" = ünï $(x)"}, d.Props)
	require.NoError(t, c.SetProps(t.Context(), ds, map[string]string{zfs.PropHost: ""}))
	d, err = c.Dataset(t.Context(), ds)
	require.NoError(t, err)
	require.NotContains(t, d.Props, zfs.PropHost)
	require.ErrorIs(t, c.SetProps(t.Context(), ds+"@gone", map[string]string{zfs.PropRun: "x"}), zfs.ErrNotExist)
}

func TestFullPool(t *testing.T) {
	t.Parallel()
	c, parent := zfstest.PoolOf(t, 64<<20)
	ds := parent + "/acme/web1"
	d, _, err := c.EnsureDataset(t.Context(), ds, nil)
	require.NoError(t, err)
	big := filepath.Join(d.Mountpoint, "big")
	f, err := os.Create(big)
	require.NoError(t, err)
	chunk := make([]byte, 1<<20)
	for err == nil {
		for i := range chunk {
			chunk[i] = byte(i * 7)
		}
		_, err = f.Write(chunk)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())

	_, _, err = c.TakeSnapshot(t.Context(), ds, "s1", map[string]string{zfs.PropRun: "r1"})
	require.ErrorIs(t, err, zfs.ErrNoSpace)
	_, _, err = c.EnsureDataset(t.Context(), parent+"/acme/web2", nil)
	require.ErrorIs(t, err, zfs.ErrNoSpace)
	room, err := c.Room(t.Context(), parent)
	require.NoError(t, err)
	require.Less(t, room.Available, int64(1<<20))

	require.NoError(t, os.Remove(big))
	require.Eventually(t, func() bool {
		_, _, err = c.TakeSnapshot(t.Context(), ds, "s1", map[string]string{zfs.PropRun: "r1"})
		return err == nil
	}, 20*time.Second, 100*time.Millisecond, "once there is room again it works")
}

func TestThroughSudo(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Fatal("this test needs sudo: apt-get install sudo")
	}
	_, parent := zfstest.Pool(t)
	c := zfs.New(zfs.Options{Sudo: true, ViewDir: t.TempDir()})
	ds := parent + "/acme/web1"
	_, created, err := c.EnsureDataset(t.Context(), ds, map[string]string{zfs.PropHost: "id-1"})
	require.NoError(t, err)
	require.True(t, created)
	_, _, err = c.TakeSnapshot(t.Context(), ds, "s1", nil)
	require.NoError(t, err)
	v, err := c.OpenSnapshot(t.Context(), ds, "s1")
	require.NoError(t, err)
	require.NoError(t, v.Close())
	_, err = c.Pool(t.Context(), "planbt-absent")
	require.ErrorIs(t, err, zfs.ErrNotExist)
	_, err = c.DestroySnapshots(t.Context(), ds, []string{"s1"})
	require.NoError(t, err)
}

// TestScrub is in a zone far from UTC, as a server may be.
func TestScrub(t *testing.T) {
	t.Setenv("TZ", "Pacific/Kiritimati")
	c, parent := zfstest.Pool(t)
	pool := strings.TrimSuffix(parent, "/BACKUP")
	s, err := c.Scrub(t.Context(), pool)
	require.NoError(t, err)
	require.Equal(t, zfs.Scrub{State: zfs.ScrubNever}, s)

	began := time.Now().Truncate(time.Second)
	out, err := exec.Command("/usr/sbin/zpool", "scrub", pool).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Eventually(t, func() bool {
		s, err = c.Scrub(t.Context(), pool)
		return err == nil && s.State == zfs.ScrubDone
	}, 30*time.Second, 100*time.Millisecond, "%+v", s)
	require.WithinRange(t, *s.At, began, time.Now())
	require.Zero(t, s.Errors)
	require.Zero(t, s.DataErrors)

	_, err = c.Scrub(t.Context(), "planbt-absent")
	require.ErrorIs(t, err, zfs.ErrNotExist)
}
