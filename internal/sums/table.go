package sums

import (
	"bufio"
	"cmp"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
)

// Table finds the checksums that wait for a snapshot. It keeps sixteen bytes for
// each of them in memory, the rest stays on the disk. It is for one goroutine.
type Table struct {
	files []*os.File
	// lines are in the order of hash; of two with the same, the newer is last.
	lines []line
	seed  maphash.Seed
	buf   []byte
}

// line is where a line is: 8 bits of at tell the file, the others the offset.
type line struct{ hash, at uint64 }

const offsetBits = 56

// maxLine bounds a line: no path of a host is longer, quoted.
const maxLine = 64 << 10

// Open gives what was transferred for the snapshots, which are in the order in
// which they were taken: the one that is looked at, and before it those since
// the last one that the index knows. One with nothing waiting has no checksums.
func Open(dir string, snapshots ...string) (*Table, error) {
	t := &Table{seed: maphash.MakeSeed()}
	for _, snapshot := range snapshots {
		if !isName(snapshot) || len(t.files) == 1<<(64-offsetBits) {
			continue
		}
		f, err := os.Open(filepath.Join(dir, snapshot))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			t.files = append(t.files, f)
			err = t.scan(f, uint64(len(t.files)-1)<<offsetBits)
		}
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	slices.SortFunc(t.lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at))
	})
	return t, nil
}

func (t *Table) scan(f *os.File, at uint64) error {
	r := bufio.NewReaderSize(f, maxLine)
	for {
		text, n, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if path, _, ok := parseLine(text); ok {
			t.lines = append(t.lines, line{hash: maphash.String(t.seed, path), at: at})
		}
		at += uint64(n)
	}
}

// Len is how many checksums there are, those that a newer one replaces included.
func (t *Table) Len() int { return len(t.lines) }

// Lookup gives the newest checksum of the file at path, an absolute one of the
// host. It is for the content that the snapshot has only if size and time of the
// file there are those of the Sum. One without Hex says that the content changed,
// and that what was known of it before is of no use.
func (t *Table) Lookup(path string) (Sum, bool) {
	hash := maphash.String(t.seed, path)
	i := sort.Search(len(t.lines), func(i int) bool { return t.lines[i].hash > hash })
	for i--; i >= 0 && t.lines[i].hash == hash; i-- {
		if found, s, ok := t.read(t.lines[i].at); ok && found == path {
			return s, true
		}
	}
	return Sum{}, false
}

func (t *Table) read(at uint64) (path string, s Sum, ok bool) {
	if t.buf == nil {
		t.buf = make([]byte, maxLine)
	}
	f, offset := t.files[at>>offsetBits], int64(at&(1<<offsetBits-1))
	// Most lines are short.
	for _, size := range []int{512, maxLine} {
		n, err := f.ReadAt(t.buf[:size], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", s, false
		}
		if end := slices.Index(t.buf[:n], '\n'); end >= 0 {
			return parseLine(t.buf[:end])
		}
	}
	return "", s, false
}

// Close ends the use of the files.
func (t *Table) Close() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	t.files = nil
	return errors.Join(errs...)
}
