// Package index remembers, per dataset, which files its snapshots hold.
//
// ZFS can tell what is in one snapshot, not in which of a hundred a file lies.
// An Index can: for every path it keeps the spans of snapshots through which a
// version stayed the same, so that an unchanged file costs nothing per
// snapshot. It is filled by looking at each snapshot once, and answers what
// versions a path has (History), where a name lies (Find), what differs between
// two snapshots (Diff), how large directories are (Tree), and gives samples of
// files with the checksums that rsync saw at transfer time (Lookup, Random,
// Largest).
//
// An index is a cache beside the data: it can be deleted at any time and is
// built again from the snapshots. Only the checksums are then lost. It is never
// believed against a snapshot.
//
// Keeper keeps the indexes of a storage server and brings them up to date.
package index

import (
	"errors"
	"time"
)

// Snapshot is one snapshot of the dataset.
type Snapshot struct {
	Name string
	// GUID is ZFS's own number of it, which a rename does not change; empty
	// where it is not known, and then name and time tell it apart.
	GUID    string
	Created time.Time
	// State is what the pool says of it: ok, warning, partial, suspect, …;
	// empty for a foreign one.
	State string
}

// is says whether s and o are the same snapshot.
func (s Snapshot) is(o Snapshot) bool {
	if s.GUID != "" && o.GUID != "" {
		return s.GUID == o.GUID
	}
	return s.Name == o.Name && s.Created.Equal(o.Created)
}

// Sum is the checksum of a whole file, as the host's rsync computed it when it
// sent the file.
type Sum struct {
	// Size in bytes and MTimeUnix, in seconds of the Unix epoch, say which
	// content it belongs to.
	Size      int64
	MTimeUnix int64
	// Hex is the checksum in hexadecimal, as rsync prints it; empty for content
	// that was written and whose checksum is not known.
	Hex string
}

// Sums gives the checksum of a path (the host's own, absolute, in raw bytes),
// if one is known.
type Sums func(path string) (Sum, bool)

// File is one version of one path.
type File struct {
	// Path is the host's own, absolute, in raw bytes.
	Path string
	// Mode holds type and permission bits as in st_mode, with fake-super undone;
	// 0 is a file that could not be looked at.
	Mode     uint32
	UID, GID uint32
	// Size is in bytes; of a directory it says nothing.
	Size  int64
	MTime time.Time
	// Hardlinks is the number of names that the file has.
	Hardlinks uint64
	// Major and Minor are those of a device.
	Major, Minor uint32
	// Target is where a symlink points to.
	Target string
	// Sum is the checksum of the content in hexadecimal, as rsync prints it;
	// empty where none is known.
	Sum string
}

// Version is a version of a path, with the snapshots that hold it.
type Version struct {
	File
	// Snapshots are those that hold it, the oldest first; never empty.
	Snapshots []Snapshot
}

// ErrNotFound is a path, a snapshot or a directory that the index does not have.
var ErrNotFound = errors.New("not in the index")
