package rsync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
	"planb/internal/sums"
)

// The checksums that a real transfer tells are of what is here now, for each
// kind that a host's rsync can choose, and whatever a file is called.
func TestPullTellsChecksums(t *testing.T) {
	t.Parallel()
	for kind, digits := range map[string]int{"": 32, "md5": 32, "xxh64": 16, "xxh3": 16, "xxh128": 32} {
		t.Run("kind "+kind, func(t *testing.T) {
			t.Parallel()
			source := t.TempDir()
			names := []string{"a", "d/new\nline|", `back\\#012`, "tab\t", "\xff\xe9", " space ", "-", "empty"}
			for i, name := range names {
				write(t, source, map[string]string{name: strings.Repeat(name, i*100)})
			}
			write(t, source, map[string]string{"empty": ""})
			before := time.Unix(-1234567, 0)
			require.NoError(t, os.Chtimes(filepath.Join(source, "a"), before, before))
			require.NoError(t, os.Symlink("a", filepath.Join(source, "link")))
			require.NoError(t, os.Link(filepath.Join(source, "a"), filepath.Join(source, "a hard link")))
			p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
			if kind != "" {
				p.Flags = []string{"--checksum-choice=" + kind}
			}
			all := pullSums(t, p)
			require.Len(t, all, len(names))
			for _, name := range append(names, "empty") {
				if name == "a" {
					continue // it, or the other name of it
				}
				checkSum(t, p, all["/"+name], digits)
			}
			// Changed on the host: what is told is of the new content.
			write(t, source, map[string]string{"d/new\nline|": "changed"})
			all = pullSums(t, p)
			require.Len(t, all, 1)
			require.EqualValues(t, 7, all["/d/new\nline|"].Size)
			checkSum(t, p, all["/d/new\nline|"], digits)
			require.Empty(t, pullSums(t, p))
		})
	}
}

func pullSums(t *testing.T, p rsync.Pull) map[string]rsync.Sum {
	t.Helper()
	all := map[string]rsync.Sum{}
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{OnSum: func(s rsync.Sum) { all[s.Path] = s }}).State)
	return all
}

func checkSum(t *testing.T, p rsync.Pull, s rsync.Sum, digits int) {
	t.Helper()
	require.Len(t, s.Hex, digits, "%+v", s)
	c, err := sums.NewChecker(s.Hex)
	require.NoError(t, err)
	content := read(t, p.Dest, s.Path)
	_, _ = c.Write([]byte(content))
	require.True(t, c.Match(), "%+v", s)
	info, err := os.Stat(filepath.Join(p.Dest, s.Path))
	require.NoError(t, err)
	require.Equal(t, info.Size(), s.Size)
	require.Equal(t, info.ModTime().Unix(), s.MTime)
}

// What checksums cost: a hundred thousand small files, with and without.
func BenchmarkPullSmallFiles(b *testing.B) {
	source := b.TempDir()
	for i := range 100_000 {
		dir := filepath.Join(source, fmt.Sprintf("d%03d", i%500))
		require.NoError(b, os.MkdirAll(dir, 0o755))
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(fmt.Sprintf("%0200d", i)), 0o644))
	}
	p := newPull(b, sshtest.Server(b, sshtest.Options{Root: source}))
	for b.Loop() {
		b.StopTimer()
		require.NoError(b, os.RemoveAll(p.Dest))
		require.NoError(b, os.Mkdir(p.Dest, 0o755))
		w, err := sums.Append(b.TempDir())
		require.NoError(b, err)
		b.StartTimer()
		r, err := rsync.Run(b.Context(), p, rsync.RunOptions{OnSum: func(s rsync.Sum) {
			w.Add(s.Path, sums.Sum{Size: s.Size, MTimeUnix: s.MTime, Hex: s.Hex})
		}})
		require.NoError(b, err)
		require.Equal(b, rsync.OK, r.State, r.Message)
		require.NoError(b, w.Close())
	}
}
