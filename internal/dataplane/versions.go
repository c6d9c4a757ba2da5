package dataplane

import (
	"fmt"
	"time"

	"planb/internal/index"
	"planb/internal/tree"
)

// FileVersion is one version of a path, as it was on the host. Path and
// LinkTarget are escaped as those of an Entry.
type FileVersion struct {
	Path    string `json:"path"`
	PathB64 []byte `json:"path_b64"`
	Type    string `json:"type"`
	// Size is in bytes; nil for directories and devices.
	Size *int64 `json:"size"`
	// Mode is four or more octal digits, setuid, setgid and sticky included.
	Mode          string    `json:"mode"`
	UID           uint32    `json:"uid"`
	GID           uint32    `json:"gid"`
	MTime         time.Time `json:"mtime"`
	LinkTarget    *string   `json:"link_target"`
	LinkTargetB64 []byte    `json:"link_target_b64"`
	// Rdev is "major,minor" of a device.
	Rdev *string `json:"rdev"`
	// Checksum is that of the content, as the host's rsync computed it when it
	// sent the file; nil where none is known.
	Checksum *string `json:"checksum"`
}

// RawPath gives the bytes of the path.
func (f FileVersion) RawPath() string { return raw(f.Path, f.PathB64) }

// Permissions gives type and mode as ls does.
func (f FileVersion) Permissions() string { return Entry{Type: f.Type, Mode: f.Mode}.Permissions() }

// SnapshotRef names a snapshot.
type SnapshotRef struct {
	Snapshot string    `json:"snapshot"`
	Created  time.Time `json:"created"`
	// State is what the pool says of it; nil for a foreign one.
	State *string `json:"state"`
}

// PathVersion is a version with the snapshots that hold it, the oldest first.
type PathVersion struct {
	FileVersion
	Snapshots []SnapshotRef `json:"snapshots"`
}

// FoundPath is a path that was looked for, in its newest version.
type FoundPath struct {
	FileVersion
	// Versions is how many different ones there are, Snapshots how many
	// snapshots have the path in whatever version.
	Versions  int         `json:"version_count"`
	Snapshots int         `json:"snapshot_count"`
	Oldest    SnapshotRef `json:"oldest"`
	Newest    SnapshotRef `json:"newest"`
	// GoneSince is the first snapshot that has the path no more; nil while the
	// newest one has it.
	GoneSince *SnapshotRef `json:"gone_since"`
}

// ChangedPath is a path that differs.
type ChangedPath struct {
	// Change is added, removed, changed or meta.
	Change  string `json:"change"`
	Path    string `json:"path"`
	PathB64 []byte `json:"path_b64"`
	// Old and New are its versions; nil where it is not there.
	Old *FileVersion `json:"old"`
	New *FileVersion `json:"new"`
}

// PathSize is what lies at a path.
type PathSize struct {
	FileVersion
	// Depth is how far it lies beneath the path that was asked for.
	Depth int `json:"depth"`
	// TotalBytes are those of all regular files in it, Files how many names lie
	// in it that are no directories.
	TotalBytes int64 `json:"total_bytes"`
	Files      int64 `json:"files"`
}

// Answer is what an answer from the index says of itself.
type Answer struct {
	// Snapshots is how many the dataset has; Indexed of them could be asked, and
	// Missing are the others, the oldest first.
	Snapshots int      `json:"snapshots"`
	Indexed   int      `json:"indexed"`
	Missing   []string `json:"missing"`
	// More says that there is more than the limit.
	More bool `json:"more"`
	// Difference is the sum of what differs.
	Difference *Difference `json:"difference,omitempty"`
}

// Difference is the sum of what differs, in paths and in bytes of regular files.
type Difference struct {
	Added   Counts `json:"added"`
	Removed Counts `json:"removed"`
	Changed Counts `json:"changed"`
	Meta    Counts `json:"meta"`
	// Unread is how many live files could not be looked at.
	Unread int64 `json:"unread"`
}

// Counts are paths and bytes.
type Counts struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

func newFileVersion(f index.File) FileVersion {
	v := FileVersion{
		Type: tree.Type(f.Mode), Mode: fmt.Sprintf("%04o", f.Mode&0o7777), UID: f.UID, GID: f.GID, MTime: clampYear(f.MTime),
	}
	v.Path, v.PathB64 = shown(f.Path)
	switch v.Type {
	case TypeFile:
		v.Size = &f.Size
		if f.Sum != "" {
			v.Checksum = &f.Sum
		}
	case TypeSymlink:
		var t string
		t, v.LinkTargetB64 = shown(f.Target)
		v.LinkTarget, v.Size = &t, &f.Size
	case TypeBlock, TypeChar:
		d := fmt.Sprintf("%d,%d", f.Major, f.Minor)
		v.Rdev = &d
	case "":
		v.Type = TypeUnknown
	}
	return v
}

func newSnapshotRef(s index.Snapshot) SnapshotRef {
	r := SnapshotRef{Snapshot: s.Name, Created: s.Created}
	if s.State != "" {
		r.State = &s.State
	}
	return r
}

func newFoundPath(f index.Found) FoundPath {
	out := FoundPath{
		FileVersion: newFileVersion(f.File), Versions: f.Versions, Snapshots: len(f.Snapshots),
		Oldest: newSnapshotRef(f.Snapshots[0]), Newest: newSnapshotRef(f.Snapshots[len(f.Snapshots)-1]),
	}
	if f.GoneSince != nil {
		gone := newSnapshotRef(*f.GoneSince)
		out.GoneSince = &gone
	}
	return out
}

func newChangedPath(c index.Change) ChangedPath {
	out := ChangedPath{Change: c.Kind}
	out.Path, out.PathB64 = shown(c.Path)
	for _, v := range []struct {
		from *index.File
		to   **FileVersion
	}{{c.Old, &out.Old}, {c.New, &out.New}} {
		if v.from != nil {
			f := newFileVersion(*v.from)
			*v.to = &f
		}
	}
	return out
}

func newDifference(d index.Difference) *Difference {
	counts := func(c index.Counts) Counts { return Counts{Files: c.Files, Bytes: c.Bytes} }
	return &Difference{
		Added: counts(d.Added), Removed: counts(d.Removed), Changed: counts(d.Changed), Meta: counts(d.Meta), Unread: d.Unread,
	}
}
