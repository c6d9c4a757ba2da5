package rsync_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
)

// What somebody puts at the target while a restore is broken off is no file of
// it, however old: the next try leaves it alone, and follows no link there.
func TestRestoreThatGoesOnReplacesNoStranger(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{true, false} {
		source, dest, outside := t.TempDir(), t.TempDir(), t.TempDir()
		strangers := []string{"z/older", "z/[o]*d?", `z/b\[c`}
		write(t, source, map[string]string{"a/first": "1", "z/dir/x": "x", "z/od": "not meant by the pattern", "z/mine": "m"})
		for _, name := range strangers {
			write(t, source, map[string]string{name: "of the snapshot"})
		}
		require.NoError(t, os.Link(filepath.Join(source, "a/first"), filepath.Join(source, "z/link")))
		bigFile(t, source, "m/big")
		if !fresh {
			write(t, dest, map[string]string{"there": "mine"})
		}
		r := rsync.Restore{Source: source, Dest: dest, Paths: []string{"/"}, WorkDir: filepath.Join(t.TempDir(), "run")}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Lstat(filepath.Join(dest, "a/first")); err == nil {
					cancel()
				}
			}
		}()
		_, err := rsync.RunRestore(ctx, r, rsync.RunOptions{})
		require.ErrorIs(t, err, context.Canceled)

		old := time.Unix(86400, 0)
		for _, name := range strangers {
			write(t, dest, map[string]string{name: "a stranger's"})
			require.NoError(t, os.Chtimes(filepath.Join(dest, name), old, old))
		}
		require.NoError(t, os.RemoveAll(filepath.Join(dest, "z/dir"))) // the first try may have made it
		require.NoError(t, os.Symlink(outside, filepath.Join(dest, "z/dir")))
		report, changes := restoreTo(t, r)
		require.Equal(t, rsync.Warning, report.State, report.Message)
		require.Contains(t, report.Message, "5 entries were there already", "with what would be below the link")
		slices.Sort(changes)
		require.Equal(t, []string{"kept /z/[o]*d?", `kept /z/b\[c`, "kept /z/dir", "kept /z/dir/x", "kept /z/older"}, changes)
		for _, name := range strangers {
			require.Equal(t, "a stranger's", read(t, dest, name))
		}
		entries, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Empty(t, entries)
		require.Equal(t, "not meant by the pattern", read(t, dest, "z/od"))
		require.Equal(t, "m", read(t, dest, "z/mine"))
		first, err := os.Stat(filepath.Join(dest, "a/first"))
		require.NoError(t, err)
		link, err := os.Stat(filepath.Join(dest, "z/link"))
		require.NoError(t, err)
		require.True(t, os.SameFile(first, link))
	}
}
