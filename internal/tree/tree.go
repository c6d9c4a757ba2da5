// Package tree walks the files of a snapshot safely: nothing that a pulled host
// can put there leads out of it, and owners, modes, types and attributes read as
// they were on the host, with rsync's --fake-super undone.
package tree

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// MaxPath is the longest path, in bytes, that is looked at: rsync's own limit.
const MaxPath = 4096

// Dir is an open directory of a snapshot. Every name it is given is a single
// component and no link is ever followed, so that nothing outside the tree can
// be reached whatever the pulled host put there, or changes meanwhile.
type Dir struct {
	f  *os.File
	fd int
}

// Meta is what is known of one file, with fake-super undone.
type Meta struct {
	// Mode holds type and permission bits as in st_mode.
	Mode     uint32
	UID, GID uint32
	// Size is in bytes; Blocks is the room on disk, in units of 512 bytes.
	Size, Blocks int64
	// Nlink is the number of names that the file has in the dataset.
	Nlink        uint64
	MTime, CTime time.Time
	Major, Minor uint32
	// Target is what a symlink points to.
	Target string
	// Fake says that FakeSuperAttr was there; Stored is the real mode on disk.
	Fake   bool
	Stored uint32
	// Dev and Ino tell which names are links of one file.
	Dev, Ino uint64
}

// Type gives the word for the type of the file, empty if unknown.
func (m Meta) Type() string { return Type(m.Mode) }

// DataDir is the directory of a dataset that holds the files of the host.
const DataDir = "data"

// Open opens the data directory of a view: the content of a snapshot or of the
// dataset itself.
func Open(view string) (*Dir, error) { return OpenRoot(filepath.Join(view, DataDir)) }

// OpenRoot opens the directory p, which must not be a link, as the root of a tree.
func OpenRoot(p string) (*Dir, error) {
	fd, err := unix.Open(p, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return newDir(fd, "/"), nil
}

func newDir(fd int, name string) *Dir { return &Dir{f: os.NewFile(uintptr(fd), name), fd: fd} }

// Close closes the directory.
func (d *Dir) Close() error { return d.f.Close() }

// Names gives up to n further names, in the order of the disk, io.EOF at the end.
func (d *Dir) Names(n int) ([]string, error) { return d.f.Readdirnames(n) }

// OpenDir opens the directory name of d.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return newDir(fd, name), nil
}

// OpenFile opens the regular file name of d. A fifo does not block it, and a
// device is not opened unless it appeared after the caller looked.
func (d *Dir) OpenFile(name string) (*os.File, error) {
	fd, err := openat(d.fd, name, unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func openat(fd int, name string, flags int) (int, error) {
	if name == "" || name == ".." || strings.ContainsAny(name, "/\x00") {
		return -1, &os.PathError{Op: "open", Path: name, Err: unix.EINVAL}
	}
	for {
		got, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return got, nil
	}
}

// Meta looks at the file name of d, "." for the directory itself.
func (d *Dir) Meta(name string) (Meta, error) {
	m, err := d.Stored(name)
	if err != nil {
		return Meta{}, err
	}
	return d.Undo(name, m)
}

// Stored is Meta of the file as it is on disk, with fake-super in place and no
// target of a symlink. It costs one system call.
func (d *Dir) Stored(name string) (Meta, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Meta{}, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return Meta{
		Mode: st.Mode, Stored: st.Mode, UID: st.Uid, GID: st.Gid, Size: st.Size, Blocks: st.Blocks, Nlink: uint64(st.Nlink),
		MTime: time.Unix(st.Mtim.Unix()), CTime: time.Unix(st.Ctim.Unix()),
		Major: unix.Major(uint64(st.Rdev)), Minor: unix.Minor(uint64(st.Rdev)), Dev: uint64(st.Dev), Ino: st.Ino,
	}, nil
}

// Undo makes Meta of what Stored gave of the file name of d.
func (d *Dir) Undo(name string, m Meta) (Meta, error) {
	if err := d.fakeSuper(name, &m); err != nil {
		return Meta{}, err
	}
	if m.Mode&unix.S_IFMT == unix.S_IFLNK {
		var err error
		if m.Target, err = d.readlink(name, m); err != nil {
			return Meta{}, err
		}
	}
	return m, nil
}

// fakeSuper replaces in m what the attribute says, if name carries one that
// makes sense; what rsync itself would call corrupt is left alone.
func (d *Dir) fakeSuper(name string, m *Meta) error {
	if t := m.Stored & unix.S_IFMT; t != unix.S_IFREG && t != unix.S_IFDIR {
		return nil
	}
	// Longer than the longest that rsync writes is ERANGE: not rsync's.
	var buf [128]byte
	n, err := unix.Lgetxattr(d.proc(name), FakeSuperAttr, buf[:])
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ERANGE):
		return nil
	case err != nil:
		return &os.PathError{Op: "getxattr", Path: name, Err: err}
	}
	f, err := ParseFakeSuper(string(buf[:n]))
	if err != nil || !f.fits(m.Stored) {
		return nil
	}
	m.Fake, m.Mode, m.UID, m.GID, m.Major, m.Minor = true, f.Mode, f.UID, f.GID, f.Major, f.Minor
	return nil
}

// readlink gives the target of a symlink: of a real one, or of the regular file
// in which rsync --fake-super keeps it.
func (d *Dir) readlink(name string, m Meta) (string, error) {
	buf := make([]byte, MaxPath)
	if !m.Fake {
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", &os.PathError{Op: "readlink", Path: name, Err: err}
		}
		return string(buf[:n]), nil
	}
	f, err := d.OpenFile(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return string(buf[:n]), nil
}

// proc names a file by the open directory: the calls for extended attributes
// know no directory descriptor, and their l… forms do not follow the last part.
func (d *Dir) proc(name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, name) }
