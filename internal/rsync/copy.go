package rsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxItems is how many changes a CopyReport names.
const MaxItems = 10_000

// Copy brings files of a snapshot back into a directory of this machine, each
// at its full path below it: DEST/etc/nginx.
type Copy struct {
	// Source is the snapshot's data directory, absolute.
	Source string
	// Paths are the host's own paths, "/etc/nginx"; a directory comes with all
	// that is below it.
	Paths []string
	// Dest is the absolute directory to restore into; made when missing.
	Dest string
	// Super says that PlanB is root and gives files their owners.
	Super bool
	// FakeSuper says that owners, modes and devices are kept in extended
	// attributes in the snapshot; they are decoded.
	FakeSuper bool
	// ACLs and Xattrs say that the snapshot has them.
	ACLs, Xattrs bool
	// Overwrite replaces existing files that differ; without it they stay as
	// they are and are reported.
	Overwrite bool
	// DryRun changes nothing and reports what would change.
	DryRun bool
}

// CopyReport is how a Copy ended.
type CopyReport struct {
	Result
	// Items are the changes, done or, in a dry run, to be done, of ItemCount.
	Items     []Item `json:"items"`
	ItemCount int    `json:"item_count"`
	// Skipped are existing files that were left alone, of SkippedCount.
	Skipped      []string `json:"skipped,omitempty"`
	SkippedCount int      `json:"skipped_count"`
}

// Item is one change of a Copy.
type Item struct {
	// Code is rsync's itemized change, as in ">f+++++++++"; see rsync(1).
	Code string `json:"code"`
	// Path is the host's own, absolute.
	Path string `json:"path"`
}

// MissingError is a path that the snapshot does not have.
type MissingError struct{ Path string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not in the snapshot: list what is there, or choose another snapshot", e.Path)
}

// LinkError is a path below a symbolic link: what the link points to is another
// path of the host, or, followed here, a file of the storage server.
type LinkError struct {
	Path, Link, Target string
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("%s cannot be restored by that path, since %s is a symbolic link to %s: give the real path", e.Path, e.Link, e.Target)
}

// RunCopy restores. The error is for what kept rsync from running at all, a
// *MissingError or *LinkError among them; every other end is in the report.
func RunCopy(ctx context.Context, c Copy, o RunOptions) (CopyReport, error) {
	list, err := c.list()
	if err != nil {
		return CopyReport{}, err
	}
	if !filepath.IsAbs(c.Dest) {
		return CopyReport{}, fmt.Errorf("%q is not usable as a destination: give an absolute path", c.Dest)
	}
	if !c.DryRun {
		if err := os.MkdirAll(c.Dest, 0o755); err != nil {
			return CopyReport{}, fmt.Errorf("make the destination: %w", err)
		}
	}
	var report CopyReport
	t := transfer{
		name:     "restore",
		argv:     c.argv(),
		stdin:    strings.NewReader(list),
		options:  o,
		messages: messages{dest: strings.TrimSuffix(c.Dest, "/")},
		onItem: func(code, path string) {
			report.ItemCount++
			if len(report.Items) < MaxItems {
				report.Items = append(report.Items, Item{Code: code, Path: path})
			}
		},
		onOther: func(line string) bool {
			// --info=skip1
			path, ok := strings.CutSuffix(line, " exists")
			if !ok {
				return false
			}
			report.SkippedCount++
			if len(report.Skipped) < MaxListed {
				report.Skipped = append(report.Skipped, hostPath(path))
			}
			return true
		},
	}
	report.Result, err = t.run(ctx)
	if err == nil && report.State == OK && report.SkippedCount > 0 {
		report.State = Warning
		report.Message = fmt.Sprintf("%s there already and left alone", count(report.SkippedCount, "file was", "files were"))
		report.Remedy = "restore into an empty directory, or allow overwriting"
	}
	return report, err
}

// list checks the paths and gives them as --files-from wants them.
func (c Copy) list() (string, error) {
	if len(c.Paths) == 0 {
		return "", errors.New("nothing to restore: give at least one path")
	}
	var b strings.Builder
	for _, path := range c.Paths {
		if path == "" || strings.ContainsRune(path, 0) {
			return "", fmt.Errorf("%q is not a path: give one of the host's own, such as /etc/nginx", path)
		}
		// Cleaned from the root, so that no ".." leads out.
		clean := filepath.Clean("/" + path)
		if err := c.check(clean); err != nil {
			return "", err
		}
		if clean == "/" {
			clean = "./"
		}
		// Beginning with a slash, which rsync takes away: a name that begins with #
		// or ; is a comment without it, and with "./" the target itself would get
		// the owner and mode that the host's root directory has.
		b.WriteString(clean + "\x00")
	}
	return b.String(), nil
}

// check looks whether path is there, with no symbolic link above it.
func (c Copy) check(path string) error {
	if _, err := os.Lstat(c.Source); err != nil {
		return fmt.Errorf("the snapshot's files are not there: %w", err)
	}
	names := strings.Split(strings.Trim(path, "/"), "/")
	at := c.Source
	for i, name := range names {
		at = filepath.Join(at, name)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return &MissingError{Path: path}
		}
		if err != nil {
			return err
		}
		if i < len(names)-1 && info.Mode()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(at)
			return &LinkError{Path: path, Link: "/" + strings.Join(names[:i+1], "/"), Target: target}
		}
	}
	return nil
}

func (c Copy) argv() []string {
	argv := append([]string{"rsync"}, profile(c.Super || !c.FakeSuper, c.ACLs, c.Xattrs)...)
	source := filepath.Clean(c.Source) + "/"
	if c.FakeSuper {
		// Only the reading side is to decode. In a local copy, options for one
		// side end in protocol errors, or in nothing being copied at all (rsync
		// 3.2.7 and 3.5.0); so the reading side is made a remote one, reached by
		// a shell that just runs what it is given.
		argv = append(argv, "--remote-option=--fake-super", "--secluded-args", "--rsh="+localShell)
		source = "localhost:" + source
	}
	argv = append(argv, reporting()...)
	argv = append(argv, "--info=skip1", "--whole-file", "--from0", "--files-from=-")
	if !c.Overwrite {
		argv = append(argv, "--ignore-existing")
	}
	if c.DryRun {
		argv = append(argv, "--dry-run")
	}
	return append(argv, "--", source, filepath.Clean(c.Dest)+"/")
}

// localShell stands in for ssh: it passes over the name of the host and runs
// the rest, as words, on this machine. rsync splits it at spaces and knows
// quotes.
const localShell = `sh -c 'shift; exec "$@"' sh`
