package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"planb/internal/index"
	"planb/internal/policy"
	"planb/internal/tree"
	"planb/internal/verify"
)

// batchFiles bounds a batch of files that are restored and compared together:
// the host holds each name in their directories against so many rules.
const batchFiles = 1000

// indexPatience is how long a verification waits for the index of its snapshot
// in one try.
const indexPatience = time.Hour

// chosen is a file to verify.
type chosen struct {
	index.File
	canary bool
}

func (c chosen) shown() string {
	text, _ := tree.Escape(c.Path)
	return text
}

// choice is a sample, drawn from the index.
type choice struct {
	files []chosen
	seen  map[string]bool
	// left is how many bytes may still be taken.
	left int64
}

// choose draws the sample: first the canaries, then what was found to be wrong
// the last time, then the largest files, then some by lot. What it cannot take
// is counted in the tally.
func (v *verification) choose(ctx context.Context, x *index.Index) ([]chosen, error) {
	c := choice{seen: map[string]bool{}, left: v.most}
	snap := v.in.Snapshot
	var err error
	if v.tally.Unread, err = x.Unread(ctx, snap); err != nil {
		return nil, err
	}
	for _, path := range v.in.Plan.Policy.Canaries.Value {
		if err := v.canary(ctx, x, &c, tree.Clean(path)); err != nil {
			return nil, err
		}
	}
	for _, path := range v.s.recheck(v.in.Plan) {
		f, err := x.Lookup(ctx, snap, path)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return nil, err
		}
		if err == nil && regular(f) {
			v.take(&c, chosen{File: f})
		}
	}
	if v.in.Sample.All {
		return c.files, nil // the rest comes page by page
	}
	largest, err := x.Largest(ctx, snap, v.in.Sample.Largest)
	if err != nil {
		return nil, err
	}
	drawn, err := x.Random(ctx, snap, v.in.Sample.Random, v.in.Seed)
	if err != nil {
		return nil, err
	}
	for _, f := range append(largest, drawn...) {
		v.take(&c, chosen{File: f})
	}
	return c.files, nil
}

// canary takes a file that has to be there.
func (v *verification) canary(ctx context.Context, x *index.Index, c *choice, path string) error {
	shown, _ := tree.Escape(path)
	f, err := x.Lookup(ctx, v.in.Snapshot, path)
	switch {
	case errors.Is(err, index.ErrNotFound):
		v.found(chosen{File: index.File{Path: path}, canary: true}, verify.Observed{Shown: shown, Canary: true, Absent: "is not in the snapshot"})
	case err != nil:
		return err
	case !regular(f):
		v.found(chosen{File: f, canary: true}, verify.Observed{Shown: shown, Canary: true, Absent: "is no regular file in the snapshot"})
	default:
		v.take(c, chosen{File: f, canary: true})
	}
	return nil
}

func regular(f index.File) bool { return f.Mode&unix.S_IFMT == unix.S_IFREG }

// take adds a file, unless it is among them or has no room.
func (v *verification) take(c *choice, f chosen) {
	switch {
	case c.seen[f.Path]:
		return
	case f.Size > c.left:
		v.tally.TooLarge++
		if f.canary {
			v.tally.Canaries++
		}
		v.note("too large", f.shown(), fmt.Sprintf("%d bytes", f.Size))
	default:
		c.files = append(c.files, f)
		c.left -= f.Size
	}
	c.seen[f.Path] = true
}

// batches cuts files into parts that are restored together.
func batches(files []chosen, most int64) (parts [][]chosen) {
	var part []chosen
	var bytes int64
	for _, f := range files {
		if len(part) == batchFiles || len(part) > 0 && bytes+f.Size > most {
			parts = append(parts, part)
			part, bytes = nil, 0
		}
		part = append(part, f)
		bytes += f.Size
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// sampled reads the index of the snapshot, once it is there.
func (v *verification) sampled(ctx context.Context, do func(*index.Index) error) error {
	if v.s.Indexes == nil {
		return permanent(ErrTypeVerify, "the storage server keeps no index to choose files from", "", nil)
	}
	snap := v.in.Snapshot
	err := v.s.Indexes.Read(ctx, v.in.Plan.Dataset, indexPatience, func(x *index.Index, _ index.Progress) error { return do(x) })
	var behind *index.BehindError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &behind) && behind.Err != nil && !errors.Is(err, context.DeadlineExceeded):
		return err // it cannot be built
	case behind != nil, errors.Is(err, index.ErrNotFound):
		return later(ErrTypeLocked, fmt.Sprintf("%s is not indexed yet: %v", snap, err), time.Minute, err)
	case errors.Is(err, fs.ErrNotExist):
		return permanent(ErrTypeNoSnapshot, err.Error(), "see planb snapshots "+v.in.Plan.Host.String(), err)
	}
	return fmt.Errorf("choosing files: %w", err)
}

// recheckFile names the files that the last verification found wrong. They are
// looked at again until they are right: another sample would rarely meet them.
func (s *Storage) recheckFile(p Plan) string { return filepath.Join(s.hostDir(p), "verify-recheck") }

// maxRecheck bounds how many there are.
const maxRecheck = policy.MaxSampleFiles

func (s *Storage) recheck(p Plan) []string {
	text, err := os.ReadFile(s.recheckFile(p))
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

func (s *Storage) keepRecheck(p Plan, paths []string) error {
	if len(paths) == 0 {
		if err := os.Remove(s.recheckFile(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(s.hostDir(p), 0o700); err != nil {
		return err
	}
	return writeDurably(s.recheckFile(p), []byte(strings.Join(paths[:min(len(paths), maxRecheck)], "\x00")+"\x00"))
}
