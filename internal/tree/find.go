package tree

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// The kinds of failure that a caller may tell apart with errors.Is.
var (
	// ErrBadPath is a path that cannot be one of a host.
	ErrBadPath = errors.New("bad path")
	// ErrNotFound is a path that the tree does not have.
	ErrNotFound = errors.New("not found in the tree")
)

// Error is a failure of one of the kinds above, with the sentence that a person
// reads.
type Error struct {
	Kind    error
	Message string
}

// Error gives the sentence.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the kind to errors.Is.
func (e *Error) Unwrap() error { return e.Kind }

func badPath(format string, args ...any) error {
	return &Error{Kind: ErrBadPath, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &Error{Kind: ErrNotFound, Message: fmt.Sprintf(format, args...)}
}

// Split gives the components of a path of the host. A path with "..", a NUL
// or no leading slash is refused; an empty one is the root.
func Split(p string) ([]string, error) {
	esc, _ := Escape(p)
	switch {
	case len(p) > MaxPath:
		return nil, badPath("the path is longer than %d bytes", MaxPath)
	case p != "" && p[0] != '/':
		return nil, badPath("the path %s is not absolute: start it with /", esc)
	case strings.ContainsRune(p, 0):
		return nil, badPath("the path %s holds a NUL byte", esc)
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, badPath("the path %s holds \"..\": give it without", esc)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// Find walks from the root of a tree to p and gives the directory that holds it
// (to be closed), its name there ("." for the root) and what is known of it.
// Links are not followed; one on the way is an error that names its target.
func (d *Dir) Find(p string) (*Dir, string, Meta, error) {
	parts, err := Split(p)
	if err != nil {
		return nil, "", Meta{}, err
	}
	if len(parts) == 0 {
		parts = []string{"."}
	}
	at, err := d.OpenDir(".")
	if err != nil {
		return nil, "", Meta{}, err
	}
	last := len(parts) - 1
	for i, part := range parts[:last] {
		next, err := at.descend("/"+path.Join(parts[:i+1]...), part)
		at.Close()
		if err != nil {
			return nil, "", Meta{}, err
		}
		at = next
	}
	m, err := at.Meta(parts[last])
	if err != nil {
		at.Close()
		return nil, "", Meta{}, PathError("/"+path.Join(parts...), err)
	}
	return at, parts[last], m, nil
}

// descend opens the directory name of d, whose path is p.
func (d *Dir) descend(p, name string) (*Dir, error) {
	m, err := d.Meta(name)
	if err != nil {
		return nil, PathError(p, err)
	}
	if err := isDir(p, m); err != nil {
		return nil, err
	}
	next, err := d.OpenDir(name)
	if err != nil {
		return nil, PathError(p, err)
	}
	return next, nil
}

// isDir refuses what cannot have anything beneath it.
func isDir(p string, m Meta) error {
	esc, _ := Escape(p)
	switch Type(m.Mode) {
	case TypeDir:
		return nil
	case TypeSymlink:
		target, _ := Escape(m.Target)
		return notFound("%s is a symlink to %s, and links are not followed: give the path that it leads to", esc, target)
	}
	return notFound("%s is not a directory", esc)
}

// PathError turns what the kernel says of p into words for a person.
func PathError(p string, err error) error {
	esc, _ := Escape(p)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return notFound("there is no %s", esc)
	}
	return fmt.Errorf("%s: %w", esc, err)
}

// Clean gives the absolute form of a path that Find accepted.
func Clean(p string) string { return path.Clean("/" + p) }
