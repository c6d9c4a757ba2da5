package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"planb/internal/command"
	"planb/internal/index"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/tree"
	"planb/internal/verify"
	"planb/internal/zfs"
)

// VerifyInput says which files of which snapshot are to be proven.
type VerifyInput struct {
	Plan     Plan          `json:"plan"`
	Snapshot string        `json:"snapshot"`
	Sample   policy.Sample `json:"sample"`
	// Seed chooses the files drawn by lot: each try takes the same.
	Seed uint64 `json:"seed"`
}

// Verified is what a verification found out: counts, and the names of the first
// files that a person has to know of. The log of the run names all.
type Verified struct {
	Tally verify.Tally `json:"tally"`
	// RestoreSeconds is how long restoring took, comparing not included.
	RestoreSeconds float64 `json:"restore_seconds"`
	// HostNotAsked says why the host itself was not compared with; empty when it
	// was.
	HostNotAsked string `json:"host_not_asked,omitempty"`
	// WorkerVersion is that of the program that did it.
	WorkerVersion string `json:"worker_version"`
	// Pool is the one of the dataset, and Room how its storage is now.
	Pool string      `json:"pool"`
	Room StorageRoom `json:"room"`
}

// verification is one try of a verification.
type verification struct {
	s       *Storage
	in      VerifyInput
	scratch scratch
	// source is the directory with the snapshot's files.
	source string
	can    zfs.Abilities
	log    io.Writer
	// most is how many bytes are restored at a time.
	most int64
	// ask says that the host is to be compared with.
	ask bool

	progress atomic.Pointer[Progress]
	verified
	tally *verify.Tally
}

// verified is how far a verification is; kept on disk between batches, so that
// another try goes on from there.
type verified struct {
	Verified
	// After is the last file of the index that is done.
	After int64 `json:"after"`
	// Sampled says that the sample itself is done.
	Sampled bool `json:"sampled"`
	// Wrong are the paths of files that are not as they have to be, in raw bytes.
	Wrong [][]byte `json:"wrong,omitempty"`
}

// Verify restores files of a snapshot to a place of their own, holds them
// against the snapshot, the checksums of backup time and the host's own files,
// and removes them again. It changes neither the dataset nor the host. A try
// that was broken off is gone on with by the next.
func (s *Storage) Verify(ctx context.Context, in VerifyInput) (Verified, error) {
	log, err := s.openLog(in.Plan.Run)
	if err != nil {
		return Verified{}, err
	}
	defer log.Close()
	v := &verification{s: s, in: in, log: log}
	v.tally = &v.Tally
	v.progress.Store(&Progress{})
	ctx, stop := s.beat(ctx, log, func() any { return *v.progress.Load() })
	defer stop()
	fmt.Fprintf(log, "%s verification of %s@%s, files %s, try %d\n", s.stamp(), in.Plan.Dataset, in.Snapshot, in.Sample, activity.GetInfo(ctx).Attempt)
	err = v.run(ctx)
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		if errors.Is(cause, errShutdown) {
			cause = later(ErrTypeShutdown, "the worker was restarted; the verification goes on where it was", 5*time.Second, cause)
		}
		return Verified{}, cause
	}
	if err != nil {
		fmt.Fprintf(log, "%s the verification broke off: %v\n", s.stamp(), err)
		return Verified{}, v.bounded(ctx, err)
	}
	fmt.Fprintf(log, "%s verified: %s: %s\n", s.stamp(), v.tally.Outcome(), v.tally.Summary())
	s.untilHeard(ctx)
	return v.Verified, nil
}

// verifyPatience is how long what goes wrong on this server itself is tried
// again.
const verifyPatience = time.Hour

func (v *verification) bounded(ctx context.Context, err error) error {
	if ErrType(err) != "" {
		return err
	}
	if command.NotFound(err) {
		return permanent(ErrTypeVerify, "the storage server has no rsync", "install rsync there", err)
	}
	if v.s.Now().Sub(activity.GetInfo(ctx).ScheduledTime) > verifyPatience {
		return permanent(ErrTypeVerify, err.Error(), "look at the storage server "+v.in.Plan.Server, err)
	}
	return err
}

func (v *verification) run(ctx context.Context) error {
	s, p := v.s, v.in.Plan
	view, err := s.ZFS.OpenSnapshot(ctx, p.Dataset, v.in.Snapshot)
	if errors.Is(err, zfs.ErrNotExist) {
		return permanent(ErrTypeNoSnapshot, err.Error(), "see planb snapshots "+p.Host.String(), err)
	}
	if err != nil {
		return fmt.Errorf("opening %s@%s: %w", p.Dataset, v.in.Snapshot, err)
	}
	defer view.Close() // one that stays is cleaned at the next start
	v.source = filepath.Join(view.Path(), DataDir)
	// Held open, the snapshot is in use also between one rsync and the next, so
	// that pruning leaves it for another time.
	open, err := os.Open(v.source)
	if err != nil {
		return fmt.Errorf("opening the files of %s@%s: %w", p.Dataset, v.in.Snapshot, err)
	}
	defer open.Close()
	if v.can, err = s.ZFS.Abilities(ctx, p.Dataset); err != nil {
		return fmt.Errorf("trying what %s can hold: %w", p.Dataset, err)
	}
	if v.scratch, err = s.openScratch(p.Run, activity.GetInfo(ctx).Attempt); err != nil {
		return err
	}
	defer func() {
		if err := removeTree(v.scratch.dir); err != nil {
			s.Log.Error("restored files of a verification were not removed", "directory", v.scratch.dir, "error", err)
		}
	}()
	room, err := v.scratch.room()
	if err != nil {
		return err
	}
	v.most = min(v.in.Sample.Bytes, room)
	if err := v.goOn(); err != nil {
		return err
	}
	v.askHost(ctx)
	if err := v.files(ctx); err != nil {
		return err
	}
	return v.conclude(ctx)
}

// files verifies the sample, and with --all every file, page by page.
func (v *verification) files(ctx context.Context) error {
	if !v.Sampled {
		var sample []chosen
		before := *v.tally
		if err := v.sampled(ctx, func(x *index.Index) (err error) {
			*v.tally, v.Wrong = before, nil // the index may have to be read twice
			sample, err = v.choose(ctx, x)
			return err
		}); err != nil {
			return err
		}
		if err := v.all(ctx, sample); err != nil {
			return err
		}
		v.Sampled = true
		if err := v.keep(); err != nil {
			return err
		}
	}
	for v.in.Sample.All {
		more, err := v.page(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// all verifies files that fit in a few batches.
func (v *verification) all(ctx context.Context, files []chosen) error {
	for _, batch := range batches(files, v.most) {
		if err := v.batch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// page verifies the next files of the snapshot, in the order of the index, and
// says whether there may be more.
func (v *verification) page(ctx context.Context) (more bool, err error) {
	var files []index.File
	last := v.After
	if err := v.sampled(ctx, func(x *index.Index) (err error) {
		files, last, err = x.Regular(ctx, v.in.Snapshot, v.After, batchFiles)
		return err
	}); err != nil {
		return false, err
	}
	c := choice{seen: v.apart()}
	for _, f := range files {
		c.left = v.most // batches bound what is restored together
		v.take(&c, chosen{File: f})
	}
	if err := v.all(ctx, c.files); err != nil {
		return false, err
	}
	v.After = last
	return len(files) > 0, v.keep()
}

// apart are the files that a page does not take, since the sample had them.
func (v *verification) apart() map[string]bool {
	seen := map[string]bool{}
	for _, path := range v.in.Plan.Policy.Canaries.Value {
		seen[tree.Clean(path)] = true
	}
	for _, path := range v.s.recheck(v.in.Plan) {
		seen[path] = true
	}
	return seen
}

// conclude looks at the pool, and remembers what has to be looked at again.
func (v *verification) conclude(ctx context.Context) error {
	p := v.in.Plan
	// What was destroyed by hand meanwhile speaks against nobody.
	if _, err := v.s.ZFS.Snapshot(ctx, p.Dataset, v.in.Snapshot); errors.Is(err, zfs.ErrNotExist) {
		return permanent(ErrTypeNoSnapshot, "the snapshot was destroyed while it was verified", "see planb snapshots "+p.Host.String(), err)
	}
	room, err := v.s.storageRoom(ctx, p.Storage)
	if err != nil {
		return err
	}
	v.Room, v.WorkerVersion = room, v.s.Version
	v.Pool, _, _ = strings.Cut(p.Dataset, "/")
	var wrong []string
	for _, path := range v.Wrong {
		wrong = append(wrong, string(path))
	}
	if v.HostNotAsked != "" {
		// What only the host can show to be right now is not.
		wrong = append(wrong, v.s.recheck(p)...)
		slices.Sort(wrong)
		wrong = slices.Compact(wrong)
	}
	if err := v.s.keepRecheck(p, wrong); err != nil {
		return fmt.Errorf("keeping what has to be looked at again: %w", err)
	}
	return v.forget()
}

// progressFile holds how far a verification is.
func (v *verification) progressFile() string {
	return filepath.Join(v.s.RunsDir(), v.in.Plan.Run+".verify.json")
}

// goOn reads how far an earlier try was.
func (v *verification) goOn() error {
	text, err := os.ReadFile(v.progressFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &v.verified)
	}
	if err != nil {
		return fmt.Errorf("reading how far the verification is: %w", err)
	}
	fmt.Fprintf(v.log, "%s going on after %d files\n", v.s.stamp(), v.tally.Files)
	return nil
}

func (v *verification) keep() error {
	text, err := json.Marshal(v.verified)
	if err != nil {
		return err
	}
	return writeDurably(v.progressFile(), text)
}

// forget is for the end. Should its result be lost, all is done again.
func (v *verification) forget() error {
	if err := os.Remove(v.progressFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// found counts a file, and writes down what is wrong with it.
func (v *verification) found(f chosen, o verify.Observed) {
	compared := v.tally.Compared
	if finding := v.tally.Add(o); finding != nil {
		v.Wrong = append(v.Wrong, []byte(f.Path))
		v.note("mismatch", finding.Path, finding.Text)
		return
	}
	if v.tally.Compared == compared {
		v.note("not comparable", o.Shown, "no checksum is known, and the host's file has changed since or was not asked for")
	}
	if o.Live != nil && !o.Live.Time && o.Live.Attributes() {
		v.note("attributes", o.Shown, o.Live.String()+" differ on the host now")
	}
}

// maxNotes bounds how many files a log names that are not wrong.
const maxNotes = 10_000

func (v *verification) note(what, path, text string) {
	if what == "mismatch" || v.tally.NotComparable+v.tally.Attributes+v.tally.TooLarge < maxNotes {
		fmt.Fprintf(v.log, "%s %s %s: %s\n", v.s.stamp(), what, path, text)
	}
}

// doing shows what goes on.
func (v *verification) doing(what string) {
	v.progress.Store(&Progress{Bytes: v.tally.Bytes, Files: v.tally.Files, Path: what, At: v.s.Now()})
}

// pull is how the host is reached, with the restored files for destination.
func (v *verification) pull() (rsync.Pull, error) {
	p, err := v.s.pullSpec(PullInput{Plan: v.in.Plan, Prepared: Prepared{
		Data: v.scratch.files(), ACLs: v.can.ACLs && v.scratch.acls, Xattrs: v.can.Xattrs && v.scratch.xattrs,
	}}, 0)
	p.WorkDir = v.scratch.work()
	return p, err
}
