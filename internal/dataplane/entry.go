package dataplane

import (
	"fmt"
	"path"
	"strconv"
	"time"

	"planb/internal/tree"
)

// The types of an Entry.
const (
	TypeBlock   = tree.TypeBlock
	TypeChar    = tree.TypeChar
	TypeDir     = tree.TypeDir
	TypeFIFO    = tree.TypeFIFO
	TypeFile    = tree.TypeFile
	TypeSocket  = tree.TypeSocket
	TypeSymlink = tree.TypeSymlink
	// TypeUnknown is a file that could not be looked at; Error says why.
	TypeUnknown = "unknown"
)

// Entry describes one file of a snapshot as it was on the host.
//
// Path, Name and LinkTarget are for showing: where the bytes on disk are not
// printable UTF-8 they are escaped as in a Go string, and the raw bytes stand
// in the field of the same name with _b64. RawPath and its like give the bytes
// in either case.
type Entry struct {
	// Path is the host's own, absolute.
	Path    string `json:"path"`
	PathB64 []byte `json:"path_b64"`
	Name    string `json:"name"`
	NameB64 []byte `json:"name_b64"`
	Type    string `json:"type"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Mode is four or more octal digits, setuid, setgid and sticky included.
	Mode  string    `json:"mode"`
	UID   uint32    `json:"uid"`
	GID   uint32    `json:"gid"`
	MTime time.Time `json:"mtime"`
	// LinkTarget is what a symlink points to, as it is written there.
	LinkTarget    *string `json:"link_target"`
	LinkTargetB64 []byte  `json:"link_target_b64"`
	// Rdev is "major,minor" of a device.
	Rdev *string `json:"rdev"`
	// Hardlinks is the number of names that the file has in the dataset.
	Hardlinks uint64 `json:"hardlinks"`
	// FakeSuper says that owner, mode and type come from FakeSuperAttr.
	FakeSuper bool `json:"fake_super"`
	// Error says why a file could not be looked at.
	Error *string `json:"error"`
}

// RawName gives the bytes of the name.
func (e Entry) RawName() string { return raw(e.Name, e.NameB64) }

// RawPath gives the bytes of the path, as List and Read want them.
func (e Entry) RawPath() string { return raw(e.Path, e.PathB64) }

// RawLinkTarget gives the bytes of the link target, empty where there is none.
func (e Entry) RawLinkTarget() string {
	if e.LinkTarget == nil {
		return ""
	}
	return raw(*e.LinkTarget, e.LinkTargetB64)
}

// Permissions gives type and mode as ls does: "-rwsr-xr-x".
func (e Entry) Permissions() string {
	kind := map[string]byte{
		TypeBlock: 'b', TypeChar: 'c', TypeDir: 'd', TypeFIFO: 'p', TypeFile: '-', TypeSocket: 's', TypeSymlink: 'l',
	}[e.Type]
	mode, err := strconv.ParseUint(e.Mode, 8, 32)
	if kind == 0 || err != nil {
		return "??????????"
	}
	out := []byte("?rwxrwxrwx")
	out[0] = kind
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			out[i+1] = '-'
		}
	}
	for _, s := range []struct {
		bit   uint64
		at    int
		x, no byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}} {
		if mode&s.bit == 0 {
			continue
		}
		if out[s.at] == 'x' {
			out[s.at] = s.x
		} else {
			out[s.at] = s.no
		}
	}
	return string(out)
}

func raw(shown string, b64 []byte) string {
	if b64 != nil {
		return string(b64)
	}
	return shown
}

// shown gives the two fields that carry a raw name.
func shown(s string) (string, []byte) {
	if esc, did := tree.Escape(s); did {
		return esc, []byte(s)
	}
	return s, nil
}

// newEntry makes the entry of the file at p, an absolute clean path.
func newEntry(p string, m tree.Meta) Entry {
	e := Entry{
		Type: m.Type(), Size: m.Size, Mode: fmt.Sprintf("%04o", m.Mode&0o7777),
		UID: m.UID, GID: m.GID, MTime: clampYear(m.MTime), Hardlinks: m.Nlink, FakeSuper: m.Fake,
	}
	e.Path, e.PathB64 = shown(p)
	e.Name, e.NameB64 = shown(path.Base(p))
	switch e.Type {
	case TypeSymlink:
		var t string
		t, e.LinkTargetB64 = shown(m.Target)
		e.LinkTarget = &t
	case TypeBlock, TypeChar:
		d := fmt.Sprintf("%d,%d", m.Major, m.Minor)
		e.Rdev = &d
	}
	return e
}

// brokenEntry stands for a file that could not be looked at.
func brokenEntry(p string, err error) Entry {
	msg := err.Error()
	e := Entry{Type: TypeUnknown, Mode: "0000", MTime: time.Unix(0, 0).UTC(), Error: &msg}
	e.Path, e.PathB64 = shown(p)
	e.Name, e.NameB64 = shown(path.Base(p))
	return e
}

// clampYear keeps a time within what RFC 3339 can say: a file may claim to be
// from the year 50000.
func clampYear(t time.Time) time.Time {
	t = t.UTC()
	switch {
	case t.Year() > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	case t.Year() < 1:
		return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}
