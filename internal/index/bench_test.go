package index

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// The size of the benchmark's host: a hundred snapshots of a hundred thousand
// files, of which one in a hundred changes from one to the next.
const (
	benchFiles     = 100_000
	benchSnapshots = 100
	benchPerDir    = 20
)

func benchName(i int) string {
	dir := i / benchPerDir
	return fmt.Sprintf("srv/d%02d/e%03d/file-%06d.dat", dir%50, dir, i)
}

// grow makes the tree, and change changes one in a hundred of its files.
func (s *shelf) grow() {
	for i := range benchFiles {
		full := s.path(benchName(i))
		if i%benchPerDir == 0 {
			require.NoError(s.t, os.MkdirAll(filepath.Dir(full), 0o755))
		}
		require.NoError(s.t, os.WriteFile(full, []byte("x"), 0o644))
	}
}

func (s *shelf) change(lots *rand.Rand) {
	for range benchFiles / 100 {
		full := s.path(benchName(lots.IntN(benchFiles)))
		f, err := os.OpenFile(full, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(s.t, err)
		_, err = f.WriteString("y")
		require.NoError(s.t, err)
		require.NoError(s.t, f.Close())
	}
}

// BenchmarkHundredSnapshots measures what an index costs and what its answers
// take. Run it with -benchtime 1x.
func BenchmarkHundredSnapshots(b *testing.B) {
	s := newShelf(b)
	lots := rand.New(rand.NewPCG(1, 2))
	s.grow()
	// Time of the processor, which other work on the machine changes little.
	clock := func(what string, do func()) {
		start := cpu(b)
		do()
		b.ReportMetric(float64((cpu(b) - start).Milliseconds()), what+"-ms")
	}
	for b.Loop() {
		clock("walk", func() { walkAll(b, s.view) })
		clock("first-update", func() { s.snap() })
		var spent time.Duration
		for range benchSnapshots - 1 {
			s.change(lots)
			start := cpu(b)
			s.snap()
			spent += cpu(b) - start
		}
		b.ReportMetric(float64((spent / (benchSnapshots - 1)).Milliseconds()), "update-ms")
		st, err := os.Stat(s.x.path)
		require.NoError(b, err)
		wal, err := os.Stat(s.x.path + "-wal")
		require.NoError(b, err)
		b.ReportMetric(float64(st.Size())/(1<<20), "MiB")
		b.ReportMetric(float64(wal.Size())/(1<<20), "MiB-wal")
		clock("history", func() {
			_, err := s.x.History(b.Context(), "/"+benchName(4711))
			require.NoError(b, err)
		})
		clock("find", func() { s.find("*0815*", FindOptions{}) })
		clock("find-path", func() { s.find("/srv/**/e1*/*7.dat", FindOptions{Limit: benchFiles}) })
		clock("diff-next", func() { s.diff(s.all[50].Name, s.all[51].Name, "/") })
		clock("diff-far", func() { s.diff(s.all[0].Name, s.all[99].Name, "/") })
		clock("diff-live", func() { s.diff(s.all[99].Name, "", "/") })
		clock("sizes", func() { s.sizes(99) })
		clock("sizes-old", func() { s.sizes(50) })
		clock("largest", func() {
			_, err := s.x.Largest(b.Context(), s.all[50].Name, 100)
			require.NoError(b, err)
		})
		clock("random", func() {
			_, err := s.x.Random(b.Context(), s.all[50].Name, 100, 1)
			require.NoError(b, err)
		})
		clock("retain", func() {
			_, err := s.x.Retain(b.Context(), s.all[10:])
			require.NoError(b, err)
		})
	}
	b.ReportMetric(0, "ns/op")
}

// cpu is the time that this process has spent so far.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// walkAll looks at every file, as an answer without an index has to for each
// snapshot.
func walkAll(b *testing.B, view string) {
	var in func(d *tree.Dir)
	in = func(d *tree.Dir) {
		names, err := allNames(d)
		require.NoError(b, err)
		for _, n := range names {
			m, err := d.Meta(n)
			require.NoError(b, err)
			if m.Type() == tree.TypeDir {
				sub, err := d.OpenDir(n)
				require.NoError(b, err)
				in(sub)
				sub.Close()
			}
		}
	}
	top, err := tree.Open(view)
	require.NoError(b, err)
	defer top.Close()
	in(top)
}

func (s *shelf) sizes(snap int) {
	_, err := s.x.Tree(s.t.Context(), s.all[snap].Name, "/", 2, 100)
	require.NoError(s.t, err)
}
