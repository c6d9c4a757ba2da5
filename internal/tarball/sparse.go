package tarball

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Below these a file is written as it is: what holes would save is not worth a
// form that fewer programs read.
const (
	leastHole   = 1 << 20
	mostExtents = 100_000
)

// extent is a part of a file that holds data, in bytes.
type extent struct{ at, size int64 }

// extents finds the parts of a file between its holes, or nil if there is not
// enough to gain or its file system does not tell.
func extents(f *os.File, size, onDisk int64) []extent {
	if size-onDisk < leastHole {
		return nil
	}
	var out []extent
	var data int64
	for at := int64(0); at < size; {
		from, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole from here on
		}
		if err != nil || len(out) >= mostExtents {
			return nil
		}
		to, err := unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE)
		if err != nil || to <= from {
			return nil
		}
		from, to = min(from, size), min(to, size)
		out, data, at = append(out, extent{from, to - from}), data+to-from, to
	}
	if size-data < leastHole {
		return nil
	}
	if n := len(out); n == 0 || out[n-1].at+out[n-1].size < size {
		out = append(out, extent{size, 0})
	}
	return out
}

// addSparse writes a file in version 1.0 of GNU tar's sparse form
// (gnu.org/software/tar/manual, "Storing Sparse Files"), which archive/tar can
// read but not write. hdr is the header of the whole file.
func (t *tarball) addSparse(hdr *tar.Header, f *os.File, parts []extent) error {
	var table bytes.Buffer
	fmt.Fprintf(&table, "%d\n", len(parts))
	size := int64(0)
	for _, e := range parts {
		fmt.Fprintf(&table, "%d\n%d\n", e.at, e.size)
		size += e.size
	}
	pad(&table)
	size += int64(table.Len())
	if err := t.w.Flush(); err != nil {
		return err
	}
	if _, err := t.out.Write(sparseHeaders(hdr, size)); err != nil {
		return err
	}
	if _, err := t.out.Write(table.Bytes()); err != nil {
		return err
	}
	for _, e := range parts {
		n, err := io.Copy(t.out, t.content(f, e.at, e.size))
		if err != nil {
			return err
		}
		if n < e.size {
			return errShrank
		}
	}
	_, err := t.out.Write(make([]byte, -size&(block-1)))
	return err
}

var errShrank = errors.New("it shrank while it was read")

// block is the unit of an archive.
const block = 512

func pad(b *bytes.Buffer) { b.Write(make([]byte, -b.Len()&(block-1))) }

// sparseHeaders gives the extended header of a sparse file with all that is
// known of it, and the plain one, which says what fits.
func sparseHeaders(hdr *tar.Header, size int64) []byte {
	records := map[string]string{
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
		"GNU.sparse.name": hdr.Name, "GNU.sparse.realsize": strconv.FormatInt(hdr.Size, 10),
		"size": strconv.FormatInt(size, 10), "uid": strconv.Itoa(hdr.Uid), "gid": strconv.Itoa(hdr.Gid),
		"mtime": paxTime(hdr.ModTime.Unix(), hdr.ModTime.Nanosecond()),
	}
	for k, v := range hdr.PAXRecords {
		records[k] = v
	}
	keys := make([]string, 0, len(records))
	for k := range records {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var pax bytes.Buffer
	for _, k := range keys {
		pax.WriteString(paxRecord(k, records[k]))
	}
	name := path.Join("GNUSparseFile.0", path.Base(hdr.Name))
	var out bytes.Buffer
	out.Write(plainHeader(tar.Header{Typeflag: tar.TypeXHeader, Name: "PaxHeaders.0/" + path.Base(hdr.Name), Mode: 0o644, Size: int64(pax.Len())}))
	out.Write(pax.Bytes())
	pad(&out)
	out.Write(plainHeader(tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: hdr.Mode, Uid: hdr.Uid, Gid: hdr.Gid, Size: size, ModTime: hdr.ModTime,
	}))
	return out.Bytes()
}

// paxRecord gives "length key=value", where length counts itself.
func paxRecord(k, v string) string {
	rest := len(k) + len(v) + 3
	n := rest + len(strconv.Itoa(rest))
	if n = rest + len(strconv.Itoa(n)); rest+len(strconv.Itoa(n)) != n {
		n++
	}
	return fmt.Sprintf("%d %s=%s\n", n, k, v)
}

// paxTime gives seconds since 1970 with a fraction, also before then.
func paxTime(sec int64, nsec int) string {
	if nsec == 0 {
		return strconv.FormatInt(sec, 10)
	}
	sign := ""
	if sec < 0 {
		// Whole seconds count down, nanoseconds up.
		sign, sec, nsec = "-", -(sec + 1), 1e9-nsec
	}
	return fmt.Sprintf("%s%d.%09d", sign, sec, nsec)
}

// plainHeader gives the block that every tar knows; what does not fit its fields
// is 0 there.
func plainHeader(h tar.Header) []byte {
	b := make([]byte, block)
	octal := func(at, width int, v int64) {
		if v < 0 || v >= 1<<(3*(width-1)) {
			v = 0
		}
		copy(b[at:], fmt.Sprintf("%0*o", width-1, v))
	}
	copy(b[:100], h.Name)
	octal(100, 8, h.Mode)
	octal(108, 8, int64(h.Uid))
	octal(116, 8, int64(h.Gid))
	octal(124, 12, h.Size)
	octal(136, 12, h.ModTime.Unix())
	b[156] = h.Typeflag
	copy(b[257:], "ustar\x0000")
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}
