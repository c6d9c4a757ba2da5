package rsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"planb/internal/sshx"
)

// Restore brings files of a snapshot back, each at its full path below a
// directory: DEST/etc/nginx. The directory is one of this machine or, with a
// Session, of a host; "/" there is the place where the files once were.
//
// What is there already stays as it is unless Overwrite is said. So that this
// holds for directories and links, too, and so that a restore which was broken
// off knows its own files again, a plan is made first, kept in WorkDir, and
// followed.
type Restore struct {
	// Source is the snapshot's data directory, absolute.
	Source string
	// Paths are the host's own paths, "/etc/nginx"; a directory comes with all
	// that is below it.
	Paths []string
	// Dest is absolute. On this machine it has to be there, but for a dry run.
	Dest string
	// Session is the way to the host; nil for this machine.
	Session *sshx.Session
	// Sudo runs the host's rsync through sudo.
	Sudo bool
	// AsSelf leaves out what only root can give a file: owners, devices, ACLs
	// and extended attributes. For a program that is not root.
	AsSelf bool
	// FakeSuper says that owners, modes and devices are kept in extended
	// attributes in the snapshot; they are decoded.
	FakeSuper bool
	// KeepFake leaves them there in the restored files, too, for a program that
	// is not root and only compares. It needs FakeSuper and this machine.
	KeepFake bool
	// ACLs and Xattrs say that the snapshot has them.
	ACLs, Xattrs bool
	// Overwrite replaces what is there and differs.
	Overwrite bool
	// Delete removes what is there and not in the snapshot, in directories among
	// Paths.
	Delete bool
	// Includes and Excludes are what backups of the host take and leave out; see
	// NewFilter. What they leave out, and what is on another file system than the
	// directory above it, is not deleted: that no snapshot has it says nothing.
	Includes, Excludes []string
	// DryRun changes nothing, and tells what would change.
	DryRun bool
	// WorkDir is a directory of this restore's own, made when missing. The next
	// try has to get the same.
	WorkDir string
	// OnChange, when set, is told each change of the plan when it is made: of
	// every new file in a dry run only.
	OnChange func(Change)
}

// What a Restore does to a path.
const (
	// ActionNew is not there yet.
	ActionNew = "new"
	// ActionOverwritten differs and is replaced.
	ActionOverwritten = "overwritten"
	// ActionKept differs, or is something else, and is left alone.
	ActionKept = "kept"
	// ActionDeleted is there and not in the snapshot.
	ActionDeleted = "deleted"
)

// Change is what a Restore does to one path.
type Change struct {
	// Action is one of the Action constants.
	Action string
	// Path is the host's own, absolute, its bytes as they are.
	Path string
	// Size is that of the file in the snapshot, in bytes; 0 for what is deleted.
	Size int64
	// Dir says that it is a directory in the snapshot.
	Dir bool
}

// RestoreCounts counts changes, directories included.
type RestoreCounts struct {
	New         int64 `json:"new"`
	Overwritten int64 `json:"overwritten"`
	Kept        int64 `json:"kept"`
	Deleted     int64 `json:"deleted"`
	// Files are the regular files among New and Overwritten, Bytes their size.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// Total is how many entries of the snapshot were asked for.
	Total int64 `json:"total"`
}

// RestoreReport is how a Restore ended.
type RestoreReport struct {
	Result
	Counts RestoreCounts
}

// InTheWayError is something at the target, above a path to be restored, that
// is no directory: to follow a link there could lead anywhere.
type InTheWayError struct{ Path string }

func (e *InTheWayError) Error() string {
	return fmt.Sprintf("%s is a directory in the snapshot and something else at the target, a link perhaps: restore to another place", shown(e.Path))
}

// remoteDestRE is what may stand on a remote command line without quoting.
var remoteDestRE = regexp.MustCompile(`^/([A-Za-z0-9._+-]+/?)*$`)

// CheckRemoteDest refuses directories of a host that a shell could read as
// something else.
func CheckRemoteDest(dir string) error {
	if !remoteDestRE.MatchString(dir) || strings.Contains("/"+dir+"/", "/../") {
		return fmt.Errorf("%q is not usable as a directory on a host: give an absolute path of letters, digits and ._+- without \"..\"", dir)
	}
	return nil
}

// RunRestore restores. The error is for what kept rsync from running at all, a
// *MissingError, *LinkError or *InTheWayError among them; every other end is in
// the report. When it returns, no temporary file is left at a local target,
// and nothing in WorkDir that the next try needs is lost.
func RunRestore(ctx context.Context, r Restore, o RunOptions) (RestoreReport, error) {
	list, err := Copy{Source: r.Source, Paths: r.Paths}.list()
	if err != nil {
		return RestoreReport{}, err
	}
	switch {
	case !filepath.IsAbs(r.Dest):
		return RestoreReport{}, fmt.Errorf("%q is not usable as a destination: give an absolute path", r.Dest)
	case r.Session != nil:
		if err := CheckRemoteDest(r.Dest); err != nil {
			return RestoreReport{}, err
		}
	}
	if err := os.MkdirAll(r.WorkDir, 0o700); err != nil {
		return RestoreReport{}, err
	}
	run := &restoring{Restore: r, options: o, list: list}
	if err := run.spare(); err != nil {
		return RestoreReport{}, err
	}
	return run.run(ctx)
}

// restoring is one try of a Restore.
type restoring struct {
	Restore
	options RunOptions
	// list holds Paths as --files-from wants them.
	list string
	plan restorePlan
	// resumed says that an earlier try made the plan.
	resumed bool
}

func (r *restoring) run(ctx context.Context) (RestoreReport, error) {
	if !r.DryRun && r.Session == nil {
		if err := r.makeTemp(); err != nil {
			return RestoreReport{}, err
		}
		defer r.removeTemp()
	}
	res, err := r.makePlan(ctx)
	if err != nil || !usable(res) {
		return r.report(res), err
	}
	if r.DryRun {
		return r.report(res), nil
	}
	if r.plan.Fresh || r.plan.Listed > 0 {
		if r.goesOn() {
			if res, err = r.findStrangers(ctx); err != nil || !usable(res) {
				return r.report(res), err
			}
		}
		res, err = r.transfer(ctx)
		if err != nil || !usable(res) {
			return r.report(res), err
		}
	}
	if !r.Delete || r.plan.Counts.Deleted == 0 {
		return r.report(res), nil
	}
	if res.State == Partial || r.plan.Conflicts > 0 {
		r.plan.Counts.Deleted = 0
		res.DeletesSkipped = true
		return r.report(res), nil
	}
	deleted, err := r.runOne(ctx, r.deleteArgv(), r.list, nil)
	if err != nil || !usable(deleted) {
		return r.report(deleted), err
	}
	if deleted.State != OK {
		res.State, res.Message, res.Remedy = deleted.State, deleted.Message, deleted.Remedy
	}
	return r.report(res), nil
}

// goesOn says whether files of an earlier try have to be told from those of
// others: on a host nothing that is there is touched again, and with Overwrite
// everything may be.
func (r *restoring) goesOn() bool { return r.resumed && r.Session == nil && !r.Overwrite }

// usable says whether a step went so far that the next makes sense.
func usable(r Result) bool { return r.State != Failed && r.State != Cancelled && r.State != "" }

// transfer copies what the plan says.
func (r *restoring) transfer(ctx context.Context) (Result, error) {
	if r.plan.Fresh {
		res, err := r.runOne(ctx, r.freshArgv(), r.list, nil)
		if res.Stats != nil {
			// All that is there now is this restore's own, of this try or another.
			c := &r.plan.Counts
			c.New, c.Total = res.Stats.FilesTotal, res.Stats.FilesTotal
			c.Files, c.Bytes = res.Stats.RegularFiles, res.Stats.TotalSize
		}
		return res, err
	}
	name := planList
	if r.goesOn() {
		name = resumeList
	}
	f, err := os.Open(r.file(name))
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	return r.runOneFrom(ctx, r.plannedArgv(), f, nil)
}

// report puts the end in words that fit a restore.
func (r *restoring) report(res Result) RestoreReport {
	out := RestoreReport{Result: res, Counts: r.plan.Counts}
	where := r.Dest
	if r.Session != nil {
		where = r.Session.Target.Alias
	}
	switch {
	case res.Type == TypeNoSpace:
		out.Message, out.Remedy = "there is no room left at the target, "+where, "make room there, or restore less"
	case res.State == Partial && res.FailedCount > 0:
		f := res.Failed[0]
		out.Message = fmt.Sprintf("%s could not be restored (%s: %s)", count(res.FailedCount, "file", "files"), f.Path, f.Reason)
		out.Remedy = "look at the run's log for all of them"
	case res.State == Partial && !res.DeletesSkipped:
		out.Message, out.Remedy = "some files could not be restored", "look at the run's log"
	}
	if res.State != OK && res.State != Warning {
		return out
	}
	switch kept := int(r.plan.Counts.Kept); {
	case res.DeletesSkipped:
		out.State, out.Message = Warning, "nothing was deleted, since something is in the way of what was to be restored"
		out.Remedy = "look at what the run's log calls kept"
	case kept > 0 && !r.DryRun:
		out.State = Warning
		out.Message = fmt.Sprintf("%s there already, different, and left alone", count(kept, "entry was", "entries were"))
		out.Remedy = "planb run log has the list; restore to an empty directory, or allow overwriting with --overwrite"
	}
	return out
}

// runOne runs rsync once with a list for its standard input.
func (r *restoring) runOne(ctx context.Context, argv []string, list string, onRaw func(string) bool) (Result, error) {
	return r.runOneFrom(ctx, argv, strings.NewReader(list), onRaw)
}

func (r *restoring) makeTemp() error {
	r.removeTemp() // what an earlier try left
	if err := os.Mkdir(r.temp(), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// removeTemp leaves the time of the target as rsync set it.
func (r *restoring) removeTemp() {
	if _, err := os.Lstat(r.temp()); err != nil {
		return
	}
	dest, err := os.Stat(r.Dest)
	_ = os.RemoveAll(r.temp())
	if err == nil {
		_ = os.Chtimes(r.Dest, time.Time{}, dest.ModTime())
	}
}

// TempPrefix begins the name of the directory in which a local target holds
// files that are not whole yet.
const TempPrefix = ".planb-restore-"

// temp is that directory: beneath the target, so that a finished file only has
// to be renamed.
func (r *restoring) temp() string {
	return filepath.Join(r.Dest, TempPrefix+filepath.Base(r.WorkDir))
}

// shown gives a raw path as messages have it.
func shown(path string) string {
	q := fmt.Sprintf("%q", path)
	if q[1:len(q)-1] == path {
		return path
	}
	return q
}
