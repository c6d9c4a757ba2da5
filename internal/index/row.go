package index

import (
	"bytes"
	"encoding/hex"
	"time"

	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// row is a version as it is stored.
type row struct {
	file        int64
	last, first int64
	mode        uint32
	uid, gid    uint32
	size        int64
	mtime       int64
	ctime       int64
	// ino is the inode number, its bits as those of a signed number.
	ino    int64
	nlink  int64
	rdev   int64
	target []byte
	sum    []byte
}

// rowColumns are those that scanInto expects, of a table versions named v.
const rowColumns = `v.file, v.last, v.first, v.mode, v.uid, v.gid, v.size, v.mtime, v.ctime, v.ino, v.nlink, v.rdev, v.target, v.sum`

// scanInto gives where the columns of rowColumns go.
func (r *row) scanInto() []any {
	return []any{
		&r.file, &r.last, &r.first, &r.mode, &r.uid, &r.gid, &r.size, &r.mtime, &r.ctime, &r.ino, &r.nlink, &r.rdev,
		&r.target, &r.sum,
	}
}

func (r *row) kind() uint32    { return r.mode & unix.S_IFMT }
func (r *row) unread() bool    { return r.mode == 0 }
func (r *row) isDir() bool     { return r.kind() == unix.S_IFDIR }
func (r *row) isRegular() bool { return r.kind() == unix.S_IFREG }

// holds says whether the snapshot of that number is within the version's span.
func (r *row) holds(seq int64) bool { return r.first <= seq && seq <= r.last }

// sameContent says whether nothing speaks for another content. For files, size
// and time are what rsync itself goes by, too.
func (r *row) sameContent(o *row) bool {
	return r.kind() == o.kind() && r.size == o.size && r.mtime == o.mtime && r.rdev == o.rdev && bytes.Equal(r.target, o.target)
}

// sameOwner says whether owner and permissions are the same.
func (r *row) sameOwner(o *row) bool {
	return r.mode == o.mode && r.uid == o.uid && r.gid == o.gid
}

// same says whether it is the same version, untouched since: ctime changes with
// whatever is done to a file, its attributes included.
func (r *row) same(o *row) bool {
	return r.sameContent(o) && r.sameOwner(o) && r.ctime == o.ctime && r.ino == o.ino && r.nlink == o.nlink
}

// untouched says whether a file as it is on disk is the one of this version,
// with nothing done to it since.
func (r *row) untouched(m tree.Meta) bool {
	return !r.isDir() && !r.unread() && r.ino == int64(m.Ino) && r.ctime == nano(m.CTime) && r.mtime == nano(m.MTime) &&
		r.nlink == int64(m.Nlink) && (!r.isRegular() || r.size == m.Size)
}

// at gives the version as a file of that path.
func (r *row) at(path string) File {
	return File{
		Path: path, Mode: r.mode, UID: r.uid, GID: r.gid, Size: r.size, MTime: time.Unix(0, r.mtime).UTC(),
		Hardlinks: uint64(r.nlink), Major: uint32(r.rdev >> 32), Minor: uint32(r.rdev), Target: string(r.target),
		Sum: hex.EncodeToString(r.sum),
	}
}
