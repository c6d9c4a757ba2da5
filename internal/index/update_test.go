package index

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// dump gives all that an index holds.
func (s *shelf) dump() string {
	s.t.Helper()
	var b strings.Builder
	for _, table := range []string{"snaps", "files", "versions", "sizes"} {
		var rows string
		var all sql.NullString
		require.NoError(s.t, s.x.db.QueryRowContext(s.t.Context(), `SELECT group_concat(line, char(10)) FROM (
			SELECT `+map[string]string{
			"snaps": "seq || name || guid || created || state", "files": "id || ',' || dir || ',' || hex(name)",
			"versions": "file || ',' || first || ',' || last || ',' || mode || ',' || size || ',' || mtime || ',' || coalesce(hex(sum), '')",
			"sizes":    "dir || ',' || bytes || ',' || files",
		}[table]+` AS line FROM `+table+` ORDER BY 1)`).Scan(&all))
		rows = all.String
		b.WriteString(table + "\n" + rows + "\n")
	}
	return b.String()
}

// An update that ends before it is done leaves the index as it was.
func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 3000 {
		s.write("d/"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+time.Duration(i).String(), "1")
	}
	s.snap()
	before := s.dump()
	s.write("d/new", "2")
	s.remove("d/a0s")
	next := Snapshot{Name: "daily-202612010130", Created: s.at.AddDate(0, 1, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.x.Update(ctx, next, s.view, nil, func(int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, s.dump())
	_, err = s.x.Update(t.Context(), next, s.view, func(string) (Sum, bool) { return Sum{}, true }, nil)
	require.NoError(t, err)
	after := s.dump()
	require.NotEqual(t, before, after)
	_, err = s.x.Update(t.Context(), next, s.view, nil, nil)
	require.NoError(t, err)
	require.Equal(t, after, s.dump(), "a snapshot that is there is not entered again")
	_, err = s.x.Retain(t.Context(), append(s.all, next))
	require.NoError(t, err)
	require.Equal(t, after, s.dump())
	require.NoError(t, s.x.Check(t.Context()))
}

// What a process that was killed in the middle of an update had written is not
// there for the next.
func TestUnfinishedTransactionIsGone(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("a", "1")
	s.snap()
	before := s.dump()
	tx, err := s.x.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "DELETE FROM versions")
	require.NoError(t, err)
	// The files as they are on disk now are what a kill would leave.
	copied := t.TempDir() + "/copy.db"
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(s.x.path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied+suffix, b, 0o600))
	}
	require.NoError(t, tx.Rollback())
	x, err := Open(t.Context(), copied)
	require.NoError(t, err)
	defer x.Close()
	c := &shelf{t: t, x: x}
	require.Equal(t, before, c.dump())
}

func TestHostileNamesAndLinks(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(outside+"/secret", []byte("secret"), 0o600))
	names := []string{"new\nline", "esc\x1b[31m", "\xff\xfe", " ", "-rf", "...", "a\\b", "%s", "'; DROP TABLE files; --", strings.Repeat("n", 255)}
	for _, n := range names {
		s.write(n, n)
	}
	require.NoError(t, os.Symlink(outside, s.path("link")))
	require.NoError(t, os.Symlink("/\xff\n", s.path("odd")))
	require.NoError(t, unix.Mkfifo(s.path("fifo"), 0o644))
	deep := "deep"
	for len(deep) < tree.MaxPath-300 {
		deep += "/" + strings.Repeat("d", 200)
	}
	// Beyond what one call may name.
	at, err := unix.Open(s.path(""), unix.O_PATH|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	for range 30 {
		require.NoError(t, unix.Mkdirat(at, strings.Repeat("d", 200), 0o755))
		next, err := unix.Openat(at, strings.Repeat("d", 200), unix.O_PATH|unix.O_DIRECTORY, 0)
		require.NoError(t, errors.Join(err, unix.Close(at)))
		at = next
	}
	require.NoError(t, unix.Close(at))
	_, u := s.snap()
	require.EqualValues(t, 1, u.Unread, "what lies deeper than any path of a host")
	for _, n := range names {
		list, err := s.x.History(t.Context(), "/"+n)
		require.NoError(t, err, "%q", n)
		require.Equal(t, "/"+n, list[0].Path)
		require.EqualValues(t, len(n), list[0].Size)
	}
	list, err := s.x.History(t.Context(), "/odd")
	require.NoError(t, err)
	require.Equal(t, "/\xff\n", list[0].Target)
	_, err = s.x.History(t.Context(), "/link/secret")
	require.ErrorIs(t, err, ErrNotFound, "links are not followed")
	found, _ := s.find("secret", FindOptions{})
	require.Empty(t, found)
	found, _ = s.find("*\n*", FindOptions{})
	require.Len(t, found, 1)
	got, _ := s.diff(s.all[0].Name, "", "/")
	require.Empty(t, got)
}

// A checksum goes with the content that it is of, and with no other.
func TestSumsGoWithTheirContent(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	sum := func(path string) string {
		t.Helper()
		f, err := s.x.Lookup(t.Context(), s.all[len(s.all)-1].Name, path)
		require.NoError(t, err)
		return f.Sum
	}
	of := func(name, hex string) {
		info, err := os.Stat(s.path(name))
		require.NoError(t, err)
		s.sums["/"+name] = Sum{Size: info.Size(), MTimeUnix: info.ModTime().Unix(), Hex: hex}
	}
	s.write("a", "one")
	s.write("b", "two")
	require.NoError(t, os.Link(s.path("b"), s.path("a-link")))
	of("a", "aa01")
	of("b", "bb01")
	s.snap()
	require.Equal(t, "aa01", sum("/a"))
	require.Equal(t, "bb01", sum("/b"))
	require.Equal(t, "bb01", sum("/a-link"), "rsync sends only one of the names")

	clear(s.sums)
	require.NoError(t, os.Chmod(s.path("a"), 0o600))
	s.snap()
	require.Equal(t, "aa01", sum("/a"), "only the mode changed")

	s.write("a", "other")
	s.write("b", "xyz")
	s.sums["/a"] = Sum{Size: 5, MTimeUnix: 1, Hex: "ffff"} // of another time
	s.snap()
	require.Empty(t, sum("/a"))
	require.Empty(t, sum("/b"))
	require.Empty(t, sum("/a-link"))

	of("a", "aa02")
	s.write("a", "other") // touched: written anew with the same size and time
	s.snap()
	require.Equal(t, "aa02", sum("/a"))
	s.sums["/a"] = Sum{} // written, and its checksum is not known
	s.write("a", "other")
	s.snap()
	require.Empty(t, sum("/a"))
}

func TestLookupAndSamples(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 50 {
		s.write("d/"+time.Duration(i).String(), strings.Repeat("x", i))
	}
	require.NoError(t, os.Symlink("x", s.path("link")))
	first, _ := s.snap()
	s.remove("d/49ns")
	second, _ := s.snap()

	f, err := s.x.Lookup(t.Context(), first.Name, "/d/49ns")
	require.NoError(t, err)
	require.EqualValues(t, 49, f.Size)
	_, err = s.x.Lookup(t.Context(), second.Name, "/d/49ns")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.x.Lookup(t.Context(), "daily-209901010000", "/d")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.x.Lookup(t.Context(), first.Name, "d")
	require.ErrorIs(t, err, tree.ErrBadPath)

	large, err := s.x.Largest(t.Context(), second.Name, 2)
	require.NoError(t, err)
	require.Equal(t, "/d/48ns", large[0].Path)
	require.Equal(t, "/d/47ns", large[1].Path)

	one, err := s.x.Random(t.Context(), first.Name, 10, 7)
	require.NoError(t, err)
	require.Len(t, one, 10)
	again, err := s.x.Random(t.Context(), first.Name, 10, 7)
	require.NoError(t, err)
	require.Equal(t, one, again)
	other, err := s.x.Random(t.Context(), first.Name, 10, 8)
	require.NoError(t, err)
	require.NotEqual(t, one, other)
	all, err := s.x.Random(t.Context(), first.Name, 1000, 7)
	require.NoError(t, err)
	require.Len(t, all, 50, "directories and links are no files to sample")
	// Each is as likely as any other.
	drawn := map[string]int{}
	for seed := range uint64(500) {
		list, err := s.x.Random(t.Context(), first.Name, 5, seed)
		require.NoError(t, err)
		for _, f := range list {
			drawn[f.Path]++
		}
	}
	require.Len(t, drawn, 50)
	for path, n := range drawn {
		require.InDelta(t, 50, n, 35, path)
	}
}

// Owner, mode and type that a receiver which is not root keeps in an attribute
// are versions like any others.
func TestFakeSuperIsUndone(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("f", "text")
	s.write("link", "/etc/passwd")
	set := func(name, stat string) {
		for before := ctime(s.path(name)); ctime(s.path(name)) == before; {
			// ext4 leaves a file alone that is given the value it has.
			_ = unix.Removexattr(s.path(name), tree.FakeSuperAttr)
			require.NoError(t, unix.Setxattr(s.path(name), tree.FakeSuperAttr, []byte(stat), 0))
		}
	}
	set("f", "104755 0,0 4000000000:7")
	set("link", "120777 0,0 0:0")
	s.snap()
	_, u := s.snap()
	require.Zero(t, u.Changed)
	set("f", "100600 0,0 0:0")
	_, u = s.snap()
	require.EqualValues(t, 1, u.Changed)
	list, err := s.x.History(t.Context(), "/f")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.EqualValues(t, unix.S_IFREG|0o600, list[0].Mode)
	require.EqualValues(t, unix.S_IFREG|0o4755, list[1].Mode)
	require.EqualValues(t, 4000000000, list[1].UID)
	list, err = s.x.History(t.Context(), "/link")
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", list[0].Target)
}

// A directory that could not be looked at once, and can be again.
func TestUpdateAfterADirectoryThatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("d/a", "1")
	s.write("d/sub/b", "1")
	s.snap()
	_, err := s.x.db.ExecContext(t.Context(), `UPDATE versions SET mode = 0 WHERE file = (SELECT id FROM files WHERE name = CAST('d' AS BLOB))`)
	require.NoError(t, err)
	s.write("d/c", "2")
	s.snap()
	list, err := s.x.History(t.Context(), "/d/a")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Len(t, list[0].Snapshots, 2)
}

// What a walk could not look at is counted, and not forgotten.
func TestUnreadIsCounted(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("a", "1")
	snap, _ := s.snap()
	n, err := s.x.Unread(t.Context(), snap.Name)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = s.x.db.ExecContext(t.Context(), `UPDATE snaps SET unread = 3`)
	require.NoError(t, err)
	n, err = s.x.Unread(t.Context(), snap.Name)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	_, err = s.x.Unread(t.Context(), "nosuch")
	require.ErrorIs(t, err, ErrNotFound)
}
