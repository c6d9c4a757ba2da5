// Package sums keeps the checksums that the rsync of a host made of the files it
// sent, from their transfer until the index of the dataset has them.
//
// They are in a directory of the host's own: in a file of transfers that no
// snapshot covers yet (Append), which the next snapshot gives its name (Seal),
// and in a file for each snapshot that is not indexed yet (Open, Drop). Only
// who holds the lock of the dataset appends and seals.
package sums

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sum is a checksum of a file's content, and what the file was like then.
type Sum struct {
	// Size is in bytes, MTimeUnix in seconds. A file that is different in one of
	// them is not the one that the checksum is of.
	Size, MTimeUnix int64
	// Hex is the checksum in hexadecimal, see NewChecker for its kinds.
	Hex string
}

// pending is the file of what no snapshot covers yet; no snapshot is called so.
const pending = ".pending"

// maxSize is how large a file may grow; what comes then has no checksums. It
// has room for some ten million files.
const maxSize = 1 << 30

// A Writer adds to what no snapshot covers yet. Each line is written at once,
// so that a killed process loses none.
type Writer struct {
	file *os.File
	size int64
	line []byte
	err  error
}

// Append opens the file for what is transferred now; dir is made when missing.
func Append(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, pending), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := &Writer{file: f, size: info.Size()}
	if w.size > 0 {
		// A line that a crash tore ends here, so that it spoils no other.
		w.write([]byte{'\n'})
	}
	return w, nil
}

// Add notes the checksum of the file at path, which replaces one noted before.
// An empty Hex says that the content changed and its checksum is not known.
func (w *Writer) Add(path string, s Sum) {
	w.line = appendLine(w.line[:0], path, s)
	w.write(w.line)
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if w.size += int64(len(b)); w.size > maxSize {
		w.err = fmt.Errorf("there are more than %d bytes of them", maxSize)
		return
	}
	_, w.err = w.file.Write(b)
}

// Close has everything on the disk. After an error there are no checksums of
// what no snapshot covers yet: a newer one of a file may be among those lost.
func (w *Writer) Close() error {
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if w.err != nil {
		w.err = errors.Join(w.err, os.Remove(w.file.Name()))
	}
	return errors.Join(w.err, w.file.Close())
}

// Seal says that what was transferred until now is in the snapshot, which is
// about to be taken: done after that, the index may have looked at the snapshot
// already. Should it not be taken, they go with the next. Done again it does
// nothing.
func Seal(dir, snapshot string) error {
	if !isName(snapshot) {
		return fmt.Errorf("%q is not the name of a snapshot", snapshot)
	}
	err := os.Rename(filepath.Join(dir, pending), filepath.Join(dir, snapshot))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sealed gives the snapshots that have checksums waiting, those of the oldest
// transfers first.
func Sealed(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	at := map[string]time.Time{}
	for _, e := range entries {
		if !isName(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil { // else it is dropped just now
			at[e.Name()] = info.ModTime()
		}
	}
	return slices.SortedFunc(maps.Keys(at), func(a, b string) int {
		return cmp.Or(at[a].Compare(at[b]), cmp.Compare(a, b))
	}), err
}

// Drop forgets what waits for a snapshot, once the index has it or nobody will.
func Drop(dir, snapshot string) error {
	if !isName(snapshot) {
		return nil
	}
	err := os.Remove(filepath.Join(dir, snapshot))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func isName(s string) bool {
	return s != "" && !strings.HasPrefix(s, ".") && !strings.ContainsAny(s, "/\x00")
}

// A line is the CRC-32C of the rest in hexadecimal, the checksum or "-", size,
// time, and the path in Go's quotes; a line whose CRC is wrong is none.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const crcDigits = 8

func appendLine(b []byte, path string, s Sum) []byte {
	const room = "00000000 "
	b = append(b, room...)
	if s.Hex == "" {
		b = append(b, '-')
	}
	b = append(append(b, s.Hex...), ' ')
	b = append(strconv.AppendInt(b, s.Size, 10), ' ')
	b = append(strconv.AppendInt(b, s.MTimeUnix, 10), ' ')
	b = strconv.AppendQuote(b, path)
	crc := strconv.AppendUint(make([]byte, 0, crcDigits), uint64(crc32.Checksum(b[len(room):], castagnoli)), 16)
	copy(b[crcDigits-len(crc):], crc)
	return append(b, '\n')
}

// parseLine reads a line without its end.
func parseLine(line []byte) (path string, s Sum, ok bool) {
	if len(line) <= crcDigits || line[crcDigits] != ' ' {
		return "", s, false
	}
	rest := line[crcDigits+1:]
	crc, err := strconv.ParseUint(string(line[:crcDigits]), 16, 32)
	if err != nil || uint32(crc) != crc32.Checksum(rest, castagnoli) {
		return "", s, false
	}
	f := bytes.SplitN(rest, []byte{' '}, 4)
	if len(f) != 4 {
		return "", s, false
	}
	var errs [3]error
	s.Size, errs[0] = strconv.ParseInt(string(f[1]), 10, 64)
	s.MTimeUnix, errs[1] = strconv.ParseInt(string(f[2]), 10, 64)
	path, errs[2] = strconv.Unquote(string(f[3]))
	if s.Hex = string(f[0]); s.Hex == "-" {
		s.Hex = ""
	}
	return path, s, errors.Join(errs[:]...) == nil
}

// readLine gives the next line with its length on disk; io.EOF at the end, also
// for a last line that has none.
func readLine(r *bufio.Reader) (line []byte, length int, err error) {
	line, err = r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		// Longer than any path: not one of ours. Skip it.
		length = len(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
			length += len(line)
		}
		return nil, length, err
	}
	if err != nil {
		return nil, 0, io.EOF
	}
	return line[:len(line)-1], len(line), nil
}
