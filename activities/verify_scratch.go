package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"

	"planb/internal/zfs"
)

// scratchDir is where verifications restore to.
func (s *Storage) scratchDir() string {
	if s.Scratch != "" {
		return s.Scratch
	}
	return filepath.Join(s.State, "verify")
}

// scratch is the place of one try of one verification.
type scratch struct {
	dir string
	// xattrs and acls say what its file system holds.
	xattrs, acls bool
}

// files is the directory with the restored files, work one for rsync's own.
func (d scratch) files() string { return filepath.Join(d.dir, "files") }
func (d scratch) work() string  { return filepath.Join(d.dir, "work") }

// openScratch makes a place for a try of run, and removes those that earlier
// tries of it left.
func (s *Storage) openScratch(run string, attempt int32) (scratch, error) {
	parent := s.scratchDir()
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return scratch{}, fmt.Errorf("making a place to restore to: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(parent, run+".*"))
	if err != nil {
		return scratch{}, err
	}
	for _, dir := range left {
		if err := removeTree(dir); err != nil {
			return scratch{}, fmt.Errorf("removing what an earlier try restored: %w", err)
		}
	}
	d := scratch{dir: filepath.Join(parent, fmt.Sprintf("%s.%d", run, attempt))}
	if err := d.clear(); err != nil {
		return scratch{}, err
	}
	if d.xattrs, d.acls, err = zfs.ProbeAttributes(d.work()); err != nil {
		return scratch{}, fmt.Errorf("trying what %s can hold: %w", parent, err)
	}
	if !s.Root && !d.xattrs {
		return scratch{}, permanent(ErrTypeRefused, "the file system of "+parent+" has no extended attributes, so that owners cannot be kept there",
			"set verify.scratch in planb.yaml to a directory on another file system", nil)
	}
	return d, nil
}

// clear empties the place.
func (d scratch) clear() error {
	if err := removeTree(d.dir); err != nil {
		return fmt.Errorf("removing restored files: %w", err)
	}
	for _, dir := range []string{d.dir, d.files(), d.work()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("making a place to restore to: %w", err)
		}
	}
	return nil
}

// room is how many bytes may be restored at a time: half of what is free there,
// for others write there, too.
func (d scratch) room() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		return 0, fmt.Errorf("looking how much room %s has: %w", d.dir, err)
	}
	return int64(st.Bavail) * st.Bsize / 2, nil
}

// scratchName is what openScratch calls a place: the run, which is a UUID, and
// the number of the try. The directory may hold things of others.
var scratchName = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9]+$`)

// CleanScratch removes what verifications of an earlier worker left. It is for
// the start of the only worker that uses the directory.
func (s *Storage) CleanScratch() error {
	entries, err := os.ReadDir(s.scratchDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var failed []error
	for _, e := range entries {
		if e.IsDir() && scratchName.MatchString(e.Name()) {
			failed = append(failed, removeTree(filepath.Join(s.scratchDir(), e.Name())))
		}
	}
	return errors.Join(append(failed, err)...)
}

// removeTree removes a directory with all that is in it, also what only its
// modes protect from a user who is not root.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
