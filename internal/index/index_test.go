package index

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// shelf is an index and a directory that stands for the dataset, of which
// "snapshots" are looked at in its present state.
type shelf struct {
	t    testing.TB
	x    *Index
	view string
	at   time.Time
	sums map[string]Sum
	all  []Snapshot
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{t: t, view: t.TempDir(), at: time.Date(2026, 11, 1, 1, 30, 0, 0, time.UTC), sums: map[string]Sum{}}
	require.NoError(t, os.Mkdir(filepath.Join(s.view, tree.DataDir), 0o755))
	x, err := Open(t.Context(), filepath.Join(t.TempDir(), "index", "one.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	s.x = x
	return s
}

func (s *shelf) path(name string) string { return filepath.Join(s.view, tree.DataDir, name) }

// ctime gives that of a file; 0 for none.
func ctime(path string) int64 {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return 0
	}
	return st.Ctim.Nano()
}

var old = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

// write makes a file, with a modification time that depends on the text.
func (s *shelf) write(name, text string) {
	s.t.Helper()
	full := s.path(name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(full), 0o755))
	at := old
	for _, c := range []byte(text) {
		at = at.Add(time.Duration(c) * time.Second)
	}
	// Until the clock of the file system has moved on: a change within its tick
	// is none.
	for before := ctime(full); ; {
		require.NoError(s.t, os.WriteFile(full, []byte(text), 0o644))
		require.NoError(s.t, os.Chtimes(full, at, at))
		if ctime(full) != before {
			break
		}
	}
	// Times of directories are those of the host, which rsync sets.
	for dir := filepath.Dir(full); len(dir) > len(s.view); dir = filepath.Dir(dir) {
		require.NoError(s.t, os.Chtimes(dir, old, old))
	}
}

func (s *shelf) remove(name string) {
	s.t.Helper()
	require.NoError(s.t, os.RemoveAll(s.path(name)))
}

// snap takes the next daily snapshot and enters it.
func (s *shelf) snap() (Snapshot, Updated) {
	s.t.Helper()
	s.at = s.at.AddDate(0, 0, 1)
	n := Snapshot{Name: "daily-" + s.at.Format("200601021504"), GUID: fmt.Sprint(s.at.Unix()), Created: s.at, State: "ok"}
	s.all = append(s.all, n)
	u, err := s.x.Update(s.t.Context(), n, s.view, func(p string) (Sum, bool) { v, ok := s.sums[p]; return v, ok }, nil)
	require.NoError(s.t, err)
	return n, u
}

func names(list []Snapshot) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name[len("daily-"):len("daily-")+8])
	}
	return out
}

func TestHistoryFoldsWhatIsTheSame(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("etc/motd", "one")
	s.write("etc/hosts", "::1")
	_, u := s.snap()
	require.EqualValues(t, 4, u.Added)
	_, u = s.snap()
	require.Equal(t, Updated{Files: 4}, u, "nothing changed")
	s.write("etc/motd", "three")
	s.snap()
	s.remove("etc/motd")
	s.snap()
	s.write("etc/motd", "one") // another file that looks the same
	require.NoError(t, os.Chmod(s.path("etc/hosts"), 0o600))
	s.snap()

	list, err := s.x.History(t.Context(), "/etc/motd")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.EqualValues(t, 3, list[0].Size)
	require.Equal(t, []string{"20261102", "20261103", "20261106"}, names(list[0].Snapshots))
	require.Equal(t, "/etc/motd", list[0].Path)
	require.EqualValues(t, 5, list[1].Size)
	require.Equal(t, []string{"20261104"}, names(list[1].Snapshots))

	list, err = s.x.History(t.Context(), "//etc/./hosts")
	require.NoError(t, err)
	require.Len(t, list, 2, "the mode changed")
	require.EqualValues(t, 0o100600, list[0].Mode)
	require.Equal(t, []string{"20261106"}, names(list[0].Snapshots))

	list, err = s.x.History(t.Context(), "/")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Len(t, list[0].Snapshots, 5)
	for _, p := range []string{"/etc/nope", "/nope/motd", "/etc/motd/x"} {
		_, err = s.x.History(t.Context(), p)
		require.ErrorIs(t, err, ErrNotFound, p)
	}
	_, err = s.x.History(t.Context(), "/etc/../etc")
	require.ErrorIs(t, err, tree.ErrBadPath)
}

func TestDirectoryThatBecomesAFileAndBack(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("a/b/c", "deep")
	s.snap()
	s.remove("a")
	s.write("a", "flat")
	s.snap()
	s.remove("a")
	s.write("a/b/c", "deep")
	s.snap()
	s.remove("a")
	s.snap()
	for path, want := range map[string][][]string{
		"/a":     {{"20261102", "20261104"}, {"20261103"}},
		"/a/b":   {{"20261102", "20261104"}},
		"/a/b/c": {{"20261102", "20261104"}},
	} {
		list, err := s.x.History(t.Context(), path)
		require.NoError(t, err, path)
		var got [][]string
		for _, v := range list {
			got = append(got, names(v.Snapshots))
		}
		require.Equal(t, want, got, path)
	}
}
