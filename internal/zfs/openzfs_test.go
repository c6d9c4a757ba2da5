//go:build openzfs

package zfs_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
)

// said keeps the log of a Client, in which each call is a line.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// calls gives the calls since it was last asked, as they were typed.
func (s *said) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var argvs []string
	for _, m := range regexp.MustCompile(`argv="([^"]*)"`).FindAllStringSubmatch(s.text.String(), -1) {
		argvs = append(argvs, m[1])
	}
	s.text.Reset()
	return argvs
}

func matching(calls []string, pattern string) []string {
	var found []string
	for _, c := range calls {
		if regexp.MustCompile(pattern).MatchString(c) {
			found = append(found, c)
		}
	}
	return found
}

// With OpenZFS, nothing is done in the way that is meant for those that cannot
// do better. Without this, a probe that breaks would go unseen: the fall-backs
// work everywhere.
func TestNothingFallsBackOnOpenZFS(t *testing.T) {
	t.Parallel()
	_, parent := zfstest.Pool(t)
	var log said
	c := zfs.New(zfs.Options{
		ViewDir: filepath.Join(t.TempDir(), "views"),
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	ds := parent + "/acme/web1"
	_, _, err := c.EnsureDataset(t.Context(), ds, map[string]string{zfs.PropHost: "id-1"})
	require.NoError(t, err)

	t.Run("abilities", func(t *testing.T) {
		a, err := c.Abilities(t.Context(), ds)
		require.NoError(t, err)
		require.Equal(t, zfs.Abilities{
			MultiDestroy: true, DryRunDestroy: true, Holds: true, SnapDir: true, Xattrs: true, ACLs: true,
		}, a)
	})
	t.Run("exact sizes", func(t *testing.T) {
		log.calls()
		p, err := c.Pool(t.Context(), strings.Split(parent, "/")[0])
		require.NoError(t, err)
		require.Positive(t, p.Size)
		calls := log.calls()
		require.Len(t, calls, 1)
		require.Contains(t, calls[0], "zpool list -Hp ")
		d, err := c.Dataset(t.Context(), ds)
		require.NoError(t, err)
		require.NotEqual(t, int64(-1), d.Written)
		require.Positive(t, d.LogicalUsed)
	})
	t.Run("snapshot directory", func(t *testing.T) {
		snapshots(t, c, ds, 1)
		v, err := c.OpenSnapshot(t.Context(), ds, "s0")
		require.NoError(t, err)
		d, err := c.Dataset(t.Context(), ds)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(d.Mountpoint, ".zfs/snapshot/s0"), v.Path())
		b, err := os.ReadFile(filepath.Join(v.Path(), "file"))
		require.NoError(t, err)
		require.Equal(t, "s0", string(b))
		require.NoError(t, v.Close())
		require.Empty(t, matching(log.calls(), "zfs clone"))
		require.Empty(t, clones(t, parent))
	})
	t.Run("one destroy for many", func(t *testing.T) {
		snapshots(t, c, ds, 5)
		log.calls()
		gone, err := c.DestroySnapshots(t.Context(), ds, []string{"s1", "s2", "s3", "s4"})
		require.NoError(t, err)
		require.Len(t, gone, 4)
		destroys := matching(log.calls(), "zfs destroy")
		require.Len(t, destroys, 1)
		require.True(t, strings.HasSuffix(destroys[0], "zfs destroy "+ds+"@s1,s2,s3,s4"), destroys[0])
	})
	t.Run("real holds", func(t *testing.T) {
		require.NoError(t, c.Hold(t.Context(), ds, "s0", "planb", "audit"))
		gone, err := c.DestroySnapshots(t.Context(), ds, []string{"s0"})
		require.ErrorIs(t, err, zfs.ErrBusy)
		require.Empty(t, gone)
		require.NoError(t, c.Release(t.Context(), ds, "s0", "planb"))
	})
}
