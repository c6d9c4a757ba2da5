package sums

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	one = "b5e9c1ad071b3e7fc779cfaa5e523818"
	two = "5d41402abc4b2a76b9719d911017c592"
)

func add(t *testing.T, dir string, all map[string]Sum) {
	t.Helper()
	w, err := Append(dir)
	require.NoError(t, err)
	for path, s := range all {
		w.Add(path, s)
	}
	require.NoError(t, w.Close())
}

func table(t *testing.T, dir string, snapshots ...string) *Table {
	t.Helper()
	table, err := Open(dir, snapshots...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close()) })
	return table
}

func TestSumsWaitForTheirSnapshot(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sums")
	names := []string{"/a b", "/new\nline\x00\\#012\"", "/\xff\xe9|", "/long/" + strings.Repeat("é", 2000), "/"}
	for i, name := range names {
		add(t, dir, map[string]Sum{name: {Size: int64(i), MTimeUnix: -int64(i), Hex: one}})
	}
	// What fails and is done again replaces what was noted before; and content
	// whose checksum is not told has none.
	add(t, dir, map[string]Sum{"/a b": {Size: 7, MTimeUnix: 9, Hex: two}, "/": {}})
	require.NoError(t, Seal(dir, "daily-202611230130"))
	require.NoError(t, Seal(dir, "daily-202611230130"), "done again")

	// The next one has its own, before those that wait already are looked at.
	add(t, dir, map[string]Sum{names[1]: {Size: 3, Hex: two}})
	require.NoError(t, Seal(dir, "daily-202611240130"))
	add(t, dir, map[string]Sum{"/a b": {Size: 99, Hex: one}})

	first := table(t, dir, "daily-202611230130")
	require.Equal(t, len(names)+2, first.Len())
	for i, name := range names[1:4] {
		s, ok := first.Lookup(name)
		require.True(t, ok, name)
		require.Equal(t, Sum{Size: int64(i + 1), MTimeUnix: -int64(i + 1), Hex: one}, s)
	}
	s, ok := first.Lookup("/a b")
	require.True(t, ok)
	require.Equal(t, Sum{Size: 7, MTimeUnix: 9, Hex: two}, s)
	s, ok = first.Lookup("/")
	require.True(t, ok, "it is known that it is not known")
	require.Empty(t, s.Hex)
	for _, none := range []string{"/a", "/nothing", ""} {
		_, ok := first.Lookup(none)
		require.False(t, ok, none)
	}
	both := table(t, dir, "daily-202611220130", "daily-202611230130", "daily-202611240130")
	s, _ = both.Lookup(names[1])
	require.Equal(t, two, s.Hex)
	s, _ = both.Lookup("/a b")
	require.Equal(t, two, s.Hex, "what no snapshot covers is of none")

	require.NoError(t, os.Chtimes(filepath.Join(dir, "daily-202611230130"), time.Time{}, time.Now().Add(time.Hour)))
	waiting, err := Sealed(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"daily-202611240130", "daily-202611230130"}, waiting, "by the time of their transfers")
	require.NoError(t, Drop(dir, "daily-202611230130"))
	require.NoError(t, Drop(dir, "daily-202611230130"))
	require.Zero(t, table(t, dir, "daily-202611230130").Len())
}

// A crash may leave any part of a line; what comes after it is whole.
func TestTornLines(t *testing.T) {
	t.Parallel()
	whole := string(appendLine(nil, "/etc/passwd", Sum{Size: 12, MTimeUnix: 34, Hex: one}))
	for n := range len(whole) + 1 {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, pending), []byte(whole[:n]), 0o600))
		add(t, dir, map[string]Sum{"/etc/group": {Hex: two}})
		require.NoError(t, Seal(dir, "s"))
		found := table(t, dir, "s")
		_, ok := found.Lookup("/etc/group")
		require.True(t, ok)
		// Without its end, a line that is whole but for that is whole.
		require.Equal(t, n >= len(whole)-1, found.Len() == 2, n)
	}
}

func TestNamesOfSnapshotsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"", ".", "..", pending, "a/b", "../x"} {
		require.Error(t, Seal(dir, name), name)
		require.NoError(t, Drop(dir, name))
		require.Zero(t, table(t, dir, name).Len())
	}
}

// Checksums that cannot be written must not leave older ones of the same files.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := Append(dir)
	require.NoError(t, err)
	w.Add("/a", Sum{Hex: one})
	w.size = maxSize
	w.Add("/a", Sum{Hex: two})
	require.ErrorContains(t, w.Close(), "more than")
	require.NoError(t, Seal(dir, "s"))
	require.Zero(t, table(t, dir, "s").Len())
}

func TestChecker(t *testing.T) {
	t.Parallel()
	// From xxhsum, md5sum, sha1sum and rsync itself (md4).
	for _, sum := range []string{
		"26c7827d889f6da3", "9555e8555c62dcfd", one, two,
		"866437cb7a794bce2b727acc0362ee27", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
	} {
		for _, text := range []string{"hello", "hallo"} {
			c, err := NewChecker(sum)
			require.NoError(t, err)
			for _, b := range []byte(text) {
				_, _ = c.Write([]byte{b})
			}
			require.Equal(t, text == "hello", c.Match(), sum)
		}
	}
	_, err := NewChecker("aaf4")
	require.Error(t, err)
}

func FuzzLine(f *testing.F) {
	f.Add("/etc/passwd", int64(1), int64(-1), appendLine(nil, "/x", Sum{Hex: one}))
	f.Add("/\xff\n\\", int64(0), int64(1<<40), []byte("00000000 - 0 0 \"/\"\n"))
	f.Fuzz(func(t *testing.T, path string, size, mtime int64, other []byte) {
		want := Sum{Size: size, MTimeUnix: mtime, Hex: two}
		line := appendLine(nil, path, want)
		require.Equal(t, 1, strings.Count(string(line), "\n"))
		got, s, ok := parseLine(line[:len(line)-1])
		require.True(t, ok)
		require.Equal(t, path, got)
		require.Equal(t, want, s)
		_, _, _ = parseLine(other)
	})
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	w, err := Append(dir)
	require.NoError(b, err)
	name := func(i int) string { return fmt.Sprintf("/srv/data/%03d/file-%06d.txt", i%1000, i) }
	for i := range 100_000 {
		w.Add(name(i), Sum{Size: int64(i), MTimeUnix: 1_800_000_000, Hex: one})
	}
	require.NoError(b, w.Close())
	require.NoError(b, Seal(dir, "s"))
	found, err := Open(dir, "s")
	require.NoError(b, err)
	defer found.Close()
	i := 0
	for b.Loop() {
		if _, ok := found.Lookup(name(i % 100_000)); !ok {
			b.Fatal(i)
		}
		i++
	}
}
