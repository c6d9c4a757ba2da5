package dataplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxPath is the longest path, in bytes, that is looked at: rsync's own limit.
const maxPath = 4096

// dir is an open directory of a snapshot. Every name it is given is a single
// component and no link is ever followed, so that nothing outside the tree can
// be reached whatever the pulled host put there, or changes meanwhile.
type dir struct {
	f  *os.File
	fd int
}

// meta is what is known of one file, with fake-super undone.
type meta struct {
	mode         uint32
	uid, gid     uint32
	size         int64
	nlink        uint64
	mtime        time.Time
	major, minor uint32
	target       string
	// fake says that the attribute was there; stored is the real mode on disk.
	fake   bool
	stored uint32
	// dev and ino tell which names are links of one file.
	dev, ino uint64
}

// openTree opens the data directory of a view.
func openTree(view string) (*dir, error) {
	p := filepath.Join(view, DataDir)
	fd, err := unix.Open(p, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return newDir(fd, "/"), nil
}

func newDir(fd int, name string) *dir { return &dir{f: os.NewFile(uintptr(fd), name), fd: fd} }

// Close closes the directory.
func (d *dir) Close() error { return d.f.Close() }

// names gives up to n further names, in the order of the disk, io.EOF at the end.
func (d *dir) names(n int) ([]string, error) { return d.f.Readdirnames(n) }

// openDir opens the directory name of d.
func (d *dir) openDir(name string) (*dir, error) {
	fd, err := openat(d.fd, name, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return newDir(fd, name), nil
}

// openFile opens the regular file name of d. A fifo does not block it, and a
// device is not opened unless it appeared after the caller looked.
func (d *dir) openFile(name string) (*os.File, error) {
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

// meta looks at name, "." for the directory itself.
func (d *dir) meta(name string) (meta, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return meta{}, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	m := meta{
		mode: st.Mode, stored: st.Mode, uid: st.Uid, gid: st.Gid, size: st.Size, nlink: uint64(st.Nlink),
		mtime: time.Unix(st.Mtim.Unix()), major: unix.Major(uint64(st.Rdev)), minor: unix.Minor(uint64(st.Rdev)),
		dev: uint64(st.Dev), ino: st.Ino,
	}
	if err := d.fakeSuper(name, &m); err != nil {
		return meta{}, err
	}
	if m.mode&unix.S_IFMT == unix.S_IFLNK {
		var err error
		if m.target, err = d.readlink(name, m); err != nil {
			return meta{}, err
		}
	}
	return m, nil
}

// fakeSuper replaces in m what the attribute says, if name carries one that
// makes sense; what rsync itself would call corrupt is left alone.
func (d *dir) fakeSuper(name string, m *meta) error {
	if t := m.stored & unix.S_IFMT; t != unix.S_IFREG && t != unix.S_IFDIR {
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
	if err != nil || !f.fits(m.stored) {
		return nil
	}
	m.fake, m.mode, m.uid, m.gid, m.major, m.minor = true, f.Mode, f.UID, f.GID, f.Major, f.Minor
	return nil
}

// readlink gives the target of a symlink: of a real one, or of the regular file
// in which rsync --fake-super keeps it.
func (d *dir) readlink(name string, m meta) (string, error) {
	buf := make([]byte, maxPath)
	if !m.fake {
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", &os.PathError{Op: "readlink", Path: name, Err: err}
		}
		return string(buf[:n]), nil
	}
	f, err := d.openFile(name)
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
func (d *dir) proc(name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, name) }

// splitPath gives the components of a path of the host. A path with "..", a NUL
// or no leading slash is refused; an empty one is the root.
func splitPath(p string) ([]string, error) {
	esc, _ := Escape(p)
	switch {
	case len(p) > maxPath:
		return nil, badRequest("the path is longer than %d bytes", maxPath)
	case p != "" && p[0] != '/':
		return nil, badRequest("the path %s is not absolute: start it with /", esc)
	case strings.ContainsRune(p, 0):
		return nil, badRequest("the path %s holds a NUL byte", esc)
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, badRequest("the path %s holds \"..\": give it without", esc)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// find walks from the root of a tree to p and gives the directory that holds it
// (to be closed), its name there ("." for the root) and what is known of it.
// Links are not followed; one on the way is an error that names its target.
func (d *dir) find(p string) (*dir, string, meta, error) {
	parts, err := splitPath(p)
	if err != nil {
		return nil, "", meta{}, err
	}
	if len(parts) == 0 {
		parts = []string{"."}
	}
	at, err := d.openDir(".")
	if err != nil {
		return nil, "", meta{}, err
	}
	last := len(parts) - 1
	for i, part := range parts[:last] {
		next, err := at.descend("/"+path.Join(parts[:i+1]...), part)
		at.Close()
		if err != nil {
			return nil, "", meta{}, err
		}
		at = next
	}
	m, err := at.meta(parts[last])
	if err != nil {
		at.Close()
		return nil, "", meta{}, pathError("/"+path.Join(parts...), err)
	}
	return at, parts[last], m, nil
}

// descend opens the directory name of d, whose path is p.
func (d *dir) descend(p, name string) (*dir, error) {
	m, err := d.meta(name)
	if err != nil {
		return nil, pathError(p, err)
	}
	if err := isDir(p, m); err != nil {
		return nil, err
	}
	next, err := d.openDir(name)
	if err != nil {
		return nil, pathError(p, err)
	}
	return next, nil
}

// isDir refuses what cannot have anything beneath it.
func isDir(p string, m meta) error {
	esc, _ := Escape(p)
	switch fileType(m.mode) {
	case TypeDir:
		return nil
	case TypeSymlink:
		target, _ := Escape(m.target)
		return notFound("%s is a symlink to %s, and links are not followed: give the path that it leads to", esc, target)
	}
	return notFound("%s is not a directory", esc)
}

// pathError turns what the kernel says of p into the service's words.
func pathError(p string, err error) error {
	esc, _ := Escape(p)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return notFound("there is no %s", esc)
	}
	return fmt.Errorf("%s: %w", esc, err)
}
