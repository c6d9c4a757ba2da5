package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"planb/internal/command"
	"planb/internal/rsync"
	"planb/internal/tree"
	"planb/internal/zfs"
)

// RestoreActivityInput says which files go where. Tar, when set, is an archive to
// write; a plan with a target is a host to push to; else it is To.
type RestoreActivityInput struct {
	Plan  RestorePlan `json:"plan"`
	Paths Paths       `json:"paths"`
	// To is a directory of this server; Tar a file.
	To  string `json:"to,omitempty"`
	Tar string `json:"tar,omitempty"`
	// Prefix is the directory on the target host; empty is the original place.
	Prefix    string `json:"prefix,omitempty"`
	Overwrite bool   `json:"overwrite,omitempty"`
	Delete    bool   `json:"delete,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
	// AsSelf accepts that a worker which is not root gives files no owners.
	AsSelf bool `json:"as_self,omitempty"`
}

// where is the target in words.
func (in RestoreActivityInput) where() string {
	switch {
	case in.Tar != "":
		return in.Tar
	case in.Plan.Target == nil:
		return in.To
	case in.Prefix == "":
		return in.Plan.Target.Host.String()
	}
	return in.Plan.Target.Host.String() + ":" + in.Prefix
}

// RestoreResult is what a restore came to.
type RestoreResult struct {
	PullResult
	Restored rsync.RestoreCounts `json:"restored"`
}

// restorePatience is how long a restore is tried again that gets nowhere, and
// headway how long a try has to last not to count as one that got nowhere.
const (
	restorePatience = time.Hour
	headway         = 5 * time.Minute
)

// Restore brings files of a snapshot back. Where an earlier try was broken off it
// goes on; the result of one that ended while Temporal was away waits here.
func (s *Storage) Restore(ctx context.Context, in RestoreActivityInput) (RestoreResult, error) {
	if done, err := s.restoreDone(in.Plan.Run); err != nil || done != nil {
		if err != nil {
			return RestoreResult{}, err
		}
		return *done, nil
	}
	began := s.Now()
	res, err := s.restore(ctx, in)
	if err == nil {
		err = s.keepRestoreDone(in.Plan.Run, res)
	} else {
		err = s.again(in.Plan.Run, began, err)
	}
	if err == nil || permanentError(err) || temporal.IsCanceledError(err) {
		_ = os.RemoveAll(s.restoreDir(in.Plan.Run)) // else CleanRuns does, one day
	}
	if ErrType(err) != ErrTypeShutdown {
		s.untilHeard(ctx)
	}
	return res, err
}

func (s *Storage) restore(ctx context.Context, in RestoreActivityInput) (RestoreResult, error) {
	if err := s.refuseRestore(ctx, in); err != nil {
		return RestoreResult{}, err
	}
	if err := os.MkdirAll(s.restoreDir(in.Plan.Run), 0o700); err != nil {
		return RestoreResult{}, fmt.Errorf("making the directory for the restore's plan: %w", err)
	}
	view, err := s.openRestore(ctx, in.Plan)
	if err != nil {
		return RestoreResult{}, err
	}
	defer view.Close() // one that stays is cleaned at the next start
	if err := s.refuseDelete(ctx, in); err != nil {
		return RestoreResult{}, err
	}
	source := filepath.Join(view.Path(), DataDir)
	// Held open, the snapshot is in use also between one rsync and the next, so
	// that pruning leaves it for another time.
	open, err := os.Open(source)
	if err != nil {
		return RestoreResult{}, fmt.Errorf("opening the files of %s@%s: %w", in.Plan.Dataset, in.Plan.Snapshot, err)
	}
	defer open.Close()
	log, err := s.openLog(in.Plan.Run)
	if err != nil {
		return RestoreResult{}, err
	}
	defer log.Close()
	fmt.Fprintf(log, "%s restore of %s@%s to %s%s, try %d: %s\n", s.stamp(), in.Plan.Host, in.Plan.Snapshot, in.where(), in.options(),
		activity.GetInfo(ctx).Attempt, in.Paths)
	var latest atomic.Pointer[Progress]
	latest.Store(&Progress{})
	ctx, stop := s.beat(ctx, log, func() any { return *latest.Load() })
	defer stop()
	job := restoreJob{
		RestoreActivityInput: in, source: source, log: log,
		progress: func(p Progress) { latest.Store(&p) },
	}
	var res RestoreResult
	if in.Tar != "" {
		res, err = s.restoreTar(ctx, job)
	} else {
		res, err = s.restoreFiles(ctx, job)
	}
	if ctx.Err() != nil && (err != nil || res.State == "") {
		cause := context.Cause(ctx)
		fmt.Fprintf(log, "%s ended before it was done: %v\n", s.stamp(), cause)
		if errors.Is(cause, errShutdown) {
			cause = later(ErrTypeShutdown, "the worker was restarted; the restore goes on where it was", 5*time.Second, cause)
		}
		return RestoreResult{}, cause
	}
	if err != nil {
		fmt.Fprintf(log, "%s failed: %s\n", s.stamp(), Message(err))
	}
	return res, err
}

// restoreJob is one try, with all that it needs opened.
type restoreJob struct {
	RestoreActivityInput
	// source is the snapshot's data directory.
	source   string
	log      io.Writer
	progress func(Progress)
}

func (s *Storage) openRestore(ctx context.Context, p RestorePlan) (*zfs.View, error) {
	view, err := s.ZFS.OpenSnapshot(ctx, p.Dataset, p.Snapshot)
	if errors.Is(err, zfs.ErrNotExist) {
		return nil, permanent(ErrTypeRefused, err.Error(), "see planb snapshots "+p.Host.String(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s@%s: %w", p.Dataset, p.Snapshot, err)
	}
	return view, nil
}

// restoreFiles brings files to a directory or a host.
func (s *Storage) restoreFiles(ctx context.Context, job restoreJob) (RestoreResult, error) {
	p := job.Plan
	can, err := s.ZFS.Abilities(ctx, p.Dataset)
	if err != nil {
		return RestoreResult{}, fmt.Errorf("trying what %s can hold: %w", p.Dataset, err)
	}
	log := &changeLog{w: job.log, stamp: s.stamp, most: loggedChanges}
	if job.DryRun {
		log.most = loggedDryRun
	}
	r := rsync.Restore{
		Source: job.source, Paths: job.Paths, Dest: job.To, AsSelf: job.AsSelf,
		FakeSuper: can.Xattrs && s.storedFake(job.source), ACLs: can.ACLs, Xattrs: can.Xattrs,
		Overwrite: job.Overwrite, Delete: job.Delete, DryRun: job.DryRun,
		Includes: p.Include, Excludes: p.Exclude, WorkDir: s.restoreDir(p.Run), OnChange: log.change,
	}
	o := rsync.RunOptions{Log: job.log, OnProgress: job.progress}
	if p.Target != nil {
		if r.Session, err = s.pushSession(p); err != nil {
			return RestoreResult{}, err
		}
		r.AsSelf, r.Sudo, r.Dest = false, s.Push.User != "root", "/"
		if job.Prefix != "" {
			r.Dest = job.Prefix
		}
		o.StallAfter = p.Target.Policy.StallAfter.Value.Duration()
		if !job.DryRun {
			if o.Lock, err = s.lockPush(ctx, p); err != nil {
				return RestoreResult{}, err
			}
			defer o.Lock.Close()
		}
	} else if !job.DryRun {
		if o.Lock, err = s.prepareTarget(ctx, job.To); err != nil {
			return RestoreResult{}, err
		}
		defer o.Lock.Close()
	}
	report, err := rsync.RunRestore(ctx, r, o)
	log.finish()
	return restored(job.RestoreActivityInput, report, err)
}

// storedFake says whether the snapshot's owners and modes are in extended
// attributes: a worker that was not root when it pulled had to put those of the
// top directory there.
func (s *Storage) storedFake(data string) bool {
	root, err := tree.OpenRoot(data)
	if err != nil {
		return !s.Root
	}
	defer root.Close()
	m, err := root.Meta(".")
	return !s.Root || err == nil && m.Fake
}

// restored tells what a person has to mend from what passes.
func restored(in RestoreActivityInput, report rsync.RestoreReport, err error) (RestoreResult, error) {
	var missing *rsync.MissingError
	var link *rsync.LinkError
	var inTheWay *rsync.InTheWayError
	switch {
	case errors.As(err, &missing), errors.As(err, &link):
		return RestoreResult{}, permanent(ErrTypeRefused, err.Error(), "", nil)
	case errors.As(err, &inTheWay):
		return RestoreResult{}, permanent(ErrTypeRefused, err.Error(), "", nil)
	case command.NotFound(err):
		return RestoreResult{}, permanent(ErrTypeRefused, "the storage server has no rsync", "install rsync there", err)
	case err != nil:
		return RestoreResult{}, targetError(in.where(), err)
	case report.State == rsync.Failed:
		return RestoreResult{}, failedRestore(in, report)
	}
	out := RestoreResult{PullResult: pullResult(report.Result), Restored: report.Counts}
	c := report.Counts
	out.FilesTotal, out.FilesCreated, out.FilesDeleted = c.Total, c.New, c.Deleted
	out.FilesTransferred, out.BytesTransferred = c.Files, c.Bytes
	out.Warnings += int(c.Kept)
	switch {
	case in.DryRun:
		out.Message = fmt.Sprintf("dry run, nothing was changed: %d new, %d overwritten, %d kept, %d deleted", c.New, c.Overwritten, c.Kept, c.Deleted)
	case in.AsSelf && in.Plan.Target == nil && out.State == string(rsync.OK):
		out.State = string(rsync.Warning)
		out.Message = "as asked for, the files belong to the worker's own user: owners, devices, ACLs and extended attributes were left out"
		out.Remedy = "--tar keeps them all, and so does pushing to a host as root"
	}
	return out, nil
}

// failedRestore is the error of an rsync that failed.
func failedRestore(in RestoreActivityInput, report rsync.RestoreReport) error {
	errType := ErrTypePull
	switch report.Type {
	case rsync.TypeNoSpace:
		errType = ErrTypeNoSpace
	case rsync.TypeHostKey:
		errType = ErrTypeHostKey
	case rsync.TypeRefused:
		errType = ErrTypeRefused
	case rsync.TypeAuth:
		return permanent(ErrTypeAuth, in.Plan.Target.Host.String()+" refused the key for restores",
			"see docs/restore.md for the line that it needs in authorized_keys there", nil)
	}
	if !report.Retry {
		return permanent(errType, report.Message, report.Remedy, nil)
	}
	return later(ErrTypeTransfer, report.Message, 0, nil)
}

// targetError makes what the system says of a place one sentence, where trying
// again does not help.
func targetError(where string, err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return permanent(ErrTypeRefused, where+" is on a file system that is mounted read-only", "choose another place", err)
	case errors.Is(err, os.ErrPermission):
		return permanent(ErrTypeRefused, "the worker may not write to "+where, "choose a place that belongs to its user", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return permanent(ErrTypeNoSpace, "there is no room left at the target, "+where, "make room there, or restore less", err)
	}
	return fmt.Errorf("restoring to %s: %w", where, err)
}

// again ends the tries of a restore that got nowhere for long.
func (s *Storage) again(run string, began time.Time, err error) error {
	t := ErrType(err)
	if permanentError(err) || t == ErrTypeShutdown || isCancelled(err) {
		return err
	}
	mark := filepath.Join(s.restoreDir(run), "failing")
	now := s.Now()
	info, statErr := os.Stat(mark)
	if statErr != nil || now.Sub(began) >= headway {
		// The first failure since something was done.
		if f, err := os.OpenFile(mark, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			f.Close()
			_ = os.Chtimes(mark, now, now)
		}
		return err
	}
	if now.Sub(info.ModTime()) < restorePatience {
		return err
	}
	return permanent(ErrTypePull, fmt.Sprintf("%s; tried again for %s", Message(err), restorePatience), Remedy(err), err)
}

// restoreDir holds what the tries of one restore share.
func (s *Storage) restoreDir(run string) string { return filepath.Join(s.State, "restores", run) }

func (s *Storage) restoreDoneFile(run string) string {
	return filepath.Join(s.RunsDir(), run+".restore.json")
}

func (s *Storage) restoreDone(run string) (*RestoreResult, error) {
	text, err := os.ReadFile(s.restoreDoneFile(run))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the result of the restore: %w", err)
	}
	r := &RestoreResult{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", s.restoreDoneFile(run), err)
	}
	return r, nil
}

func (s *Storage) keepRestoreDone(run string, r RestoreResult) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeDurably(s.restoreDoneFile(run), text)
}

// options are those that matter to who reads the log.
func (in RestoreActivityInput) options() string {
	var b strings.Builder
	for _, o := range []struct {
		on   bool
		text string
	}{{in.DryRun, "dry run"}, {in.Overwrite, "overwriting"}, {in.Delete, "deleting"}, {in.AsSelf, "as self"}} {
		if o.on {
			b.WriteString(", " + o.text)
		}
	}
	return b.String()
}
