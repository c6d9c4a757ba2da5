package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"planb/internal/policy"
	"planb/internal/rsync"
)

// Progress is what a transfer reports while it runs.
type Progress = rsync.Progress

// PullInput is a transfer of a host's files into its prepared dataset.
type PullInput struct {
	Plan     Plan     `json:"plan"`
	Prepared Prepared `json:"prepared"`
}

// PullResult is what a transfer came to: counts, never lists of files; those
// are in the run's log. Sizes are bytes.
type PullResult struct {
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	// Code is the exit code of rsync.
	Code             int   `json:"code"`
	FilesTotal       int64 `json:"files_total"`
	FilesCreated     int64 `json:"files_created"`
	FilesTransferred int64 `json:"files_transferred"`
	FilesDeleted     int64 `json:"files_deleted"`
	BytesTotal       int64 `json:"bytes_total"`
	// BytesTransferred came over the wire.
	BytesTransferred int64 `json:"bytes_transferred"`
	Vanished         int   `json:"vanished"`
	Failed           int   `json:"failed"`
	Warnings         int   `json:"warnings"`
	DeletesSkipped   bool  `json:"deletes_skipped,omitempty"`
	// Counts are those since the last good backup; nil where rsync told none.
	Counts *policy.Counts `json:"counts,omitempty"`
	// Guards are those that find the result suspect.
	Guards []policy.Tripped `json:"guards,omitempty"`
}

// manualPatience is how long a broken transfer that somebody asked for by hand
// is tried again.
const manualPatience = 15 * time.Minute

// lockedAgain is when a dataset that is still written to is looked at again.
const lockedAgain = 10 * time.Second

// Pull transfers the files of a host with rsync. While a process of an earlier
// try still holds the dataset, no new one starts. One that ended while
// Temporal was away is not done again: its result waits here.
func (s *Storage) Pull(ctx context.Context, in PullInput) (PullResult, error) {
	defer s.transfers.occupy()()
	lock, err := s.lockPull(ctx, in)
	if err != nil {
		return PullResult{}, s.bounded(ctx, in.Plan, err)
	}
	defer lock.Close()
	// Only with the lock it is certain that no earlier try is about to be done.
	if done, err := s.waiting(in.Plan.Run); err != nil || done != nil {
		return deref(done), s.bounded(ctx, in.Plan, err)
	}
	free, ok := s.pulls.take(in.Plan, s.PerAddress)
	if !ok {
		return PullResult{}, later(ErrTypeLocked, "other hosts at "+in.Plan.Address+" are being backed up: at most "+
			fmt.Sprint(s.PerAddress)+" at a time", lockedAgain, nil)
	}
	defer free()
	res, err := s.pull(ctx, in, lock)
	if ErrType(err) != ErrTypeShutdown {
		s.untilHeard(ctx)
	}
	return res, err
}

// lockPull makes this the only one that writes to the host's own dataset.
func (s *Storage) lockPull(ctx context.Context, in PullInput) (*os.File, error) {
	d, err := s.ZFS.Dataset(ctx, in.Plan.Dataset)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", in.Plan.Dataset, err)
	}
	if err := s.checkOwner(d, in.Plan); err != nil {
		return nil, err
	}
	if _, err := s.ZFS.EnsureMounted(ctx, in.Plan.Dataset); err != nil {
		return nil, fmt.Errorf("mounting %s: %w", in.Plan.Dataset, err)
	}
	return s.lock(in.Plan, in.Prepared.Data)
}

// lock makes this the only one that works on a dataset's files. Whoever still
// does is waited for.
func (s *Storage) lock(p Plan, data string) (*os.File, error) {
	lock, err := rsync.TryLock(data)
	if errors.Is(err, rsync.ErrLocked) {
		return nil, later(ErrTypeLocked, p.Dataset+" is still written to by an earlier transfer", lockedAgain, err)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", p.Dataset, err)
	}
	return lock, nil
}

func (s *Storage) pull(ctx context.Context, in PullInput, lock *os.File) (PullResult, error) {
	log, err := s.openLog(in.Plan.Run)
	if err != nil {
		return PullResult{}, err
	}
	defer log.Close()
	fmt.Fprintf(log, "%s pull of %s to %s, try %d\n", s.stamp(), in.Plan.Host, in.Plan.Dataset, activity.GetInfo(ctx).Attempt)

	checksums := s.keepSums(in.Plan, log)
	defer checksums.close()
	var latest atomic.Pointer[Progress]
	latest.Store(&Progress{})
	defer s.transfers.follow(&latest)()
	ctx, stop := s.beat(ctx, log, func() any { return *latest.Load() })
	defer stop()
	res, err := s.transfer(ctx, in, rsync.RunOptions{
		Lock: lock, Log: log, StallAfter: in.Plan.Policy.StallAfter.Value.Duration(),
		OnProgress: func(p rsync.Progress) { latest.Store(&p) }, OnSum: checksums.add,
	})
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		fmt.Fprintf(log, "%s ended before it was done: %v\n", s.stamp(), cause)
		if errors.Is(cause, errShutdown) {
			return PullResult{}, later(ErrTypeShutdown, "the worker was restarted; the transfer goes on where it was", 5*time.Second, cause)
		}
		return PullResult{}, cause
	}
	if err != nil {
		return PullResult{}, s.bounded(ctx, in.Plan, err)
	}
	if res.State == rsync.Failed {
		return PullResult{}, s.failedPull(ctx, in.Plan, res)
	}
	before, err := s.changes(in.Plan)
	if err == nil {
		// Whoever comes next before there is a snapshot is to know of these, too.
		err = s.addChanges(in.Plan, res.Changes)
	}
	if err != nil {
		return PullResult{}, s.bounded(ctx, in.Plan, err)
	}
	out := pullResult(res)
	out.Counts, out.Guards = judge(in.Plan, res, before)
	return out, s.keepWaiting(in.Plan.Run, out)
}

// errNewRate ends a transfer whose bandwidth limit changes by the clock: rsync
// is started again with the new one, and goes on where it was.
var errNewRate = errors.New("the bandwidth limit changes now")

// transfer runs rsync, once for each bandwidth limit that the time of day
// brings.
func (s *Storage) transfer(ctx context.Context, in PullInput, o rsync.RunOptions) (rsync.Result, error) {
	zone, err := in.Plan.Policy.Location()
	if err != nil {
		return rsync.Result{}, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	limits := in.Plan.Policy.Bandwidth.Value
	for {
		now := s.Now()
		spec, err := s.pullSpec(in, kib*limits.At(now, zone))
		if err != nil {
			return rsync.Result{}, permanent(ErrTypeRefused, err.Error(), "", err)
		}
		run, end := ctx, context.CancelFunc(func() {})
		if change, ok := limits.NextChange(now, zone); ok {
			run, end = context.WithTimeoutCause(ctx, change.Sub(now), errNewRate)
		}
		res, err := rsync.Run(run, spec, o)
		changed := ctx.Err() == nil && errors.Is(context.Cause(run), errNewRate)
		end()
		if err != nil || res.State == rsync.Failed || res.State == rsync.Cancelled {
			if kept := s.addChanges(in.Plan, res.Changes); kept != nil {
				return res, errors.Join(err, kept)
			}
		}
		if changed && (err != nil || res.State == rsync.Cancelled) {
			fmt.Fprintf(o.Log, "%s %v\n", s.stamp(), errNewRate)
			continue
		}
		if err != nil {
			return res, fmt.Errorf("running rsync: %w", err)
		}
		return res, nil
	}
}

// kib is how many bytes a policy's unit of bandwidth has.
const kib = 1024

// pullSpec turns the policy into what rsync is told; rate is in bytes per
// second, 0 for no limit.
func (s *Storage) pullSpec(in PullInput, rate int64) (rsync.Pull, error) {
	p := in.Plan
	spec := rsync.Pull{
		Dest: in.Prepared.Data, WorkDir: s.hostDir(p),
		Includes: p.Policy.Include.Value, Excludes: p.Policy.Exclude.Value,
		Flags: p.Policy.Flags.Value, Tolerate: p.Policy.Tolerate.Value,
		Sudo: p.Policy.Sudo.Value, IONice: p.Policy.IONice.Value,
		Super: s.Root, ACLs: in.Prepared.ACLs, Xattrs: in.Prepared.Xattrs,
		Bandwidth: rate,
	}
	before, err := s.changes(p)
	if err != nil {
		return spec, err
	}
	spec.MaxDelete = maxDelete(p, before)
	if p.Transport == TransportRsyncd {
		spec.Daemon = &rsync.Daemon{Address: p.Address, Port: daemonPort(p), Module: p.Module}
		if file := p.Policy.PasswordFile.Value; file != "" {
			spec.Daemon.User, spec.Daemon.PasswordFile = p.Policy.User.Value, file
		}
		return spec, os.MkdirAll(spec.WorkDir, 0o700)
	}
	session, err := s.session(p)
	spec.Session = session
	return spec, err
}

// maxDelete is how many more files may be deleted before rsync stops deleting;
// 0 means no limit.
func maxDelete(p Plan, before rsync.Changes) int {
	most, ok := p.Policy.MaxDelete(p.Previous)
	if !ok {
		return 0
	}
	return int(max(1, most-before.Deleted))
}

// daemonPort is the port of an rsync daemon: that of the policy, unless it is
// just the one that ssh hosts default to.
func daemonPort(p Plan) int {
	if p.Policy.Port.From == policy.LevelDefault {
		return 0
	}
	return p.Policy.Port.Value
}

// failedPull decides whether a transfer that failed is tried again: the
// network is, until the host's window closes or its next backup is due.
func (s *Storage) failedPull(ctx context.Context, p Plan, res rsync.Result) error {
	message := res.Message
	errType := ErrTypePull
	switch res.Type {
	case rsync.TypeNoSpace:
		errType = ErrTypeNoSpace
	case rsync.TypeHostKey:
		errType = ErrTypeHostKey
	case rsync.TypeAuth:
		errType = ErrTypeAuth
	}
	if !res.Retry {
		return permanent(errType, message, res.Remedy, nil)
	}
	if until, over := s.givenUp(ctx, p); over {
		return permanent(errType, message+until, res.Remedy, nil)
	}
	return later(ErrTypeTransfer, message, 0, nil)
}

// bounded makes an end of what goes wrong on this server itself, a pool that is
// away or an rsync that is not installed, where a broken transfer ends, too.
// Errors that have a type say themselves how long they are tried again.
func (s *Storage) bounded(ctx context.Context, p Plan, err error) error {
	if err == nil || ErrType(err) != "" {
		return err
	}
	if until, over := s.givenUp(ctx, p); over {
		return permanent(ErrTypePull, err.Error()+until, "look at the storage server "+p.Server, err)
	}
	return err
}

// givenUp says whether a transfer is not tried again, and until when it was, as
// the end of a sentence.
func (s *Storage) givenUp(ctx context.Context, p Plan) (until string, over bool) {
	giveUp := s.giveUp(p, activity.GetInfo(ctx).ScheduledTime)
	return "; tried again until " + giveUp.UTC().Format("15:04 MST"), s.Now().After(giveUp)
}

// giveUp is when a broken transfer is not tried again.
func (s *Storage) giveUp(p Plan, since time.Time) time.Time {
	if p.Trigger == TriggerManual {
		return since.Add(manualPatience)
	}
	until := since.Add(p.Policy.Every.Value.Duration())
	if zone, err := p.Policy.Location(); err == nil {
		if closes, ok := p.Policy.Window.Value.CloseAfter(since, zone); ok && closes.Before(until) {
			return closes
		}
	}
	return until
}

func pullResult(r rsync.Result) PullResult {
	out := PullResult{
		State: string(r.State), Message: r.Message, Remedy: r.Remedy, Code: r.Code,
		Vanished: r.VanishedCount, Failed: r.FailedCount, Warnings: r.Warnings(), DeletesSkipped: r.DeletesSkipped,
	}
	if st := r.Stats; st != nil {
		out.FilesTotal, out.FilesCreated, out.FilesDeleted = st.FilesTotal, st.FilesCreated, st.FilesDeleted
		out.FilesTransferred, out.BytesTotal = st.FilesTransferred, st.TotalSize
		out.BytesTransferred = st.Received
	}
	return out
}

func (s *Storage) stamp() string { return s.Now().UTC().Format(time.RFC3339) }

func (s *Storage) openLog(run string) (*os.File, error) {
	if err := os.MkdirAll(s.RunsDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for the logs of runs: %w", err)
	}
	f, err := os.OpenFile(s.LogFile(run), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of the run: %w", err)
	}
	return f, nil
}

func (s *Storage) resultFile(run string) string { return filepath.Join(s.RunsDir(), run+".pull.json") }

// waiting gives the result of a pull of this run that is done already.
func (s *Storage) waiting(run string) (*PullResult, error) {
	text, err := os.ReadFile(s.resultFile(run))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the result of the transfer: %w", err)
	}
	var r PullResult
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", s.resultFile(run), err)
	}
	return &r, nil
}

// keepWaiting writes the result down before Temporal is told, for it may not
// be there to listen.
func (s *Storage) keepWaiting(run string, r PullResult) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeDurably(s.resultFile(run), text)
}

func deref(r *PullResult) PullResult {
	if r == nil {
		return PullResult{}
	}
	return *r
}
