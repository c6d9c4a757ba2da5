package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Pool is what a Keeper wants to know of the datasets of its server.
type Pool interface {
	// Snapshots gives the snapshots of a dataset, the oldest first, and what
	// tells the dataset apart from all others and outlives a rename. An error
	// for one that is not there wraps fs.ErrNotExist.
	Snapshots(ctx context.Context, dataset string) (id string, list []Snapshot, err error)
	// OpenSnapshot makes the tree of a snapshot readable, or that of the live
	// files for an empty name. An error for one that is not there wraps
	// fs.ErrNotExist.
	OpenSnapshot(ctx context.Context, dataset, snap string) (View, error)
}

// View is the readable tree of one snapshot, held open until Close.
type View interface {
	// Path is the directory that holds the dataset's content.
	Path() string
	Close() error
}

// KeeperOptions is what a Keeper needs.
type KeeperOptions struct {
	// Dir holds the indexes, one file per dataset.
	Dir  string
	Pool Pool
	// Sums, when set, has the checksums that wait for their snapshot to be indexed.
	Sums SumSource
	// Slots is how many datasets are looked at at a time; 1 unless given.
	Slots int
	Log   *slog.Logger
}

// Keeper keeps the indexes of the datasets of one server.
type Keeper struct {
	KeeperOptions
	slots chan struct{}
	// life is over when the keeper is closed: what it does for one caller goes on
	// for others when that caller has gone.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu   sync.Mutex
	sets map[string]*set // by the id of the dataset; guarded by mu
}

// set is one dataset.
type set struct {
	path string
	// files is read-locked while the index is open, and locked to delete it.
	files sync.RWMutex
	run   *run // what is under way; guarded by Keeper.mu
}

// run brings one index up to date.
type run struct {
	done chan struct{}
	err  error // set before done is closed
	now  atomic.Pointer[Progress]
}

// Progress says how far the index of a dataset is.
type Progress struct {
	// Indexed of the Snapshots that the dataset has are in the index.
	Indexed, Snapshots int
	// Missing are the names of the others, the oldest first.
	Missing []string
	// Files is how many files of the snapshot that is being looked at were seen.
	Files int64
}

// Whole says that no snapshot is missing.
func (p Progress) Whole() bool { return len(p.Missing) == 0 }

// NewKeeper makes a keeper. It is to be closed.
func NewKeeper(o KeeperOptions) *Keeper {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	life, end := context.WithCancel(context.Background())
	return &Keeper{KeeperOptions: o, slots: make(chan struct{}, max(1, o.Slots)), life: life, end: end, sets: map[string]*set{}}
}

// Close ends what is under way, and waits for that.
func (k *Keeper) Close() {
	k.end()
	k.work.Wait()
}

// CatchUp enters the snapshots of a dataset that are not in its index, and
// forgets those that are gone. It returns when that is done, or when ctx ends,
// and then it goes on without the caller. seen, which may be nil, is called
// every so often. What it gives is how far the index is in either case. Errors:
// fs.ErrNotExist, for a dataset that is not there.
func (k *Keeper) CatchUp(ctx context.Context, dataset string, seen func(Progress)) (Progress, error) {
	// What is under way may have begun before the newest snapshot was taken.
	const tries = 3
	for range tries {
		s, p, gone, err := k.look(ctx, dataset)
		if err != nil || p.Whole() && !gone {
			return p, err
		}
		r := k.start(s, dataset)
		if err := r.wait(ctx, seen); err != nil {
			if now := r.now.Load(); now != nil {
				p = *now
			}
			return p, err
		}
	}
	_, p, _, err := k.look(ctx, dataset)
	return p, err
}

// Read brings the index of a dataset up to date, as far as that takes no longer
// than patience, and calls do with it and with how far it is. Errors:
// fs.ErrNotExist, for a dataset that is not there; ErrBehind, if nothing of it
// is indexed yet; ErrDamaged, and then it is built anew from that moment on.
func (k *Keeper) Read(ctx context.Context, dataset string, patience time.Duration, do func(*Index, Progress) error) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	_, behind := k.CatchUp(wait, dataset, nil)
	cancel()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s, p, _, err := k.look(ctx, dataset)
	if err != nil {
		return err
	}
	if p.Indexed == 0 && !p.Whole() {
		return &BehindError{Dataset: dataset, Progress: p, Err: behind}
	}
	err = k.once(ctx, s, func(x *Index) error { return do(x, p) })
	if errors.Is(err, ErrDamaged) {
		if err := k.reset(s, err); err != nil {
			return err
		}
		k.start(s, dataset)
	}
	return err
}

// BehindError is an index that has nothing to answer from yet.
type BehindError struct {
	Dataset string
	Progress
	// Err is why, if it is not just that it takes time.
	Err error
}

// Error says how far it is.
func (e *BehindError) Error() string {
	if e.Err != nil && !errors.Is(e.Err, context.DeadlineExceeded) {
		return fmt.Sprintf("the index of %s cannot be built: %v", e.Dataset, e.Err)
	}
	return fmt.Sprintf("the index of %s is being built from %d snapshots: ask again in a while", e.Dataset, e.Snapshots)
}

// Unwrap gives the cause.
func (e *BehindError) Unwrap() error { return e.Err }

// wait waits for the end of a run.
func (r *run) wait(ctx context.Context, seen func(Progress)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return r.err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if p := r.now.Load(); p != nil && seen != nil {
				seen(*p)
			}
		}
	}
}

// datasetID is how ZFS tells datasets apart.
var datasetID = regexp.MustCompile(`^[0-9]{1,20}$`)

// of gives what is kept of a dataset.
func (k *Keeper) of(id string) *set {
	if !datasetID.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:8])
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sets[id]
	if s == nil {
		s = &set{path: filepath.Join(k.Dir, id+".db")}
		k.sets[id] = s
	}
	return s
}

// look says how far the index of a dataset is, and whether it knows snapshots
// that are gone.
func (k *Keeper) look(ctx context.Context, dataset string) (s *set, p Progress, gone bool, err error) {
	id, living, err := k.Pool.Snapshots(ctx, dataset)
	if err != nil {
		return nil, p, false, err
	}
	s = k.of(id)
	err = k.with(ctx, s, func(x *Index) error {
		p, gone, err = x.compare(ctx, living)
		return err
	})
	return s, p, gone, err
}

// compare says which of the living snapshots an index lacks, and whether it
// knows others.
func (x *Index) compare(ctx context.Context, living []Snapshot) (p Progress, gone bool, err error) {
	known, err := loadSnaps(ctx, x.db)
	if err != nil {
		return p, false, damage(err)
	}
	p.Snapshots = len(living)
	for _, l := range living {
		i := slices.IndexFunc(known, func(n snap) bool { return n.is(l) })
		if i < 0 {
			p.Missing = append(p.Missing, l.Name)
			continue
		}
		p.Indexed++
		gone = gone || known[i].Name != l.Name || known[i].State != l.State
	}
	return p, gone || len(known) > p.Indexed, nil
}

// with opens the index of a dataset around do. A damaged one is deleted, and do
// is called again with an empty one.
func (k *Keeper) with(ctx context.Context, s *set, do func(*Index) error) error {
	err := k.once(ctx, s, do)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	if err := k.reset(s, err); err != nil {
		return err
	}
	return k.once(ctx, s, do)
}

func (k *Keeper) once(ctx context.Context, s *set, do func(*Index) error) error {
	s.files.RLock()
	defer s.files.RUnlock()
	x, err := Open(ctx, s.path)
	if err != nil {
		return err
	}
	return errors.Join(do(x), x.Close())
}

// Forget deletes the index of a dataset that was destroyed: the names in it are
// to go with the data.
func (k *Keeper) Forget(id string) error {
	s := k.of(id)
	s.files.Lock()
	defer s.files.Unlock()
	return Remove(s.path)
}

// reset deletes an index.
func (k *Keeper) reset(s *set, why error) error {
	k.Log.Warn("an index is damaged, and is built anew", "index", s.path, "error", why)
	s.files.Lock()
	defer s.files.Unlock()
	if err := Remove(s.path); err != nil {
		return fmt.Errorf("removing a damaged index: %w", err)
	}
	return nil
}

// start brings the index of a dataset up to date in the background, unless that
// is under way already.
func (k *Keeper) start(s *set, dataset string) *run {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.run != nil {
		return s.run
	}
	r := &run{done: make(chan struct{})}
	s.run = r
	k.work.Go(func() {
		select {
		case k.slots <- struct{}{}:
			r.err = k.bring(k.life, s, dataset, r)
			<-k.slots
		case <-k.life.Done():
			r.err = context.Cause(k.life)
		}
		k.mu.Lock()
		s.run = nil
		k.mu.Unlock()
		close(r.done)
	})
	return r
}

// bring brings one index up to date.
func (k *Keeper) bring(ctx context.Context, s *set, dataset string, r *run) error {
	id, living, err := k.Pool.Snapshots(ctx, dataset)
	if err != nil {
		return err
	}
	if k.of(id) != s {
		return fmt.Errorf("%s is another dataset now", dataset)
	}
	return k.with(ctx, s, func(x *Index) error {
		missing, err := x.Retain(ctx, living)
		if err != nil {
			return err
		}
		wait := k.waiting(ctx, dataset, living, missing)
		for i, m := range missing {
			p := Progress{Snapshots: len(living), Indexed: len(living) - len(missing) + i}
			for _, l := range missing[i:] {
				p.Missing = append(p.Missing, l.Name)
			}
			if err := k.enter(ctx, x, m, wait, func(files int64) {
				now := p
				now.Files = files
				r.now.Store(&now)
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// enter enters one snapshot. One that is gone meanwhile is none to enter.
func (k *Keeper) enter(ctx context.Context, x *Index, s Snapshot, wait *waitingSums, seen func(int64)) (err error) {
	began := time.Now()
	seen(0)
	view, err := k.Pool.OpenSnapshot(ctx, wait.dataset, s.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sums, used := wait.open(ctx, s.Name)
	done, err := x.Update(ctx, s, view.Path(), sums, seen)
	used(ctx, err == nil)
	if cerr := view.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		k.Log.Debug("indexed", "snapshot", wait.dataset+"@"+s.Name, "files", done.Files, "added", done.Added,
			"changed", done.Changed, "removed", done.Removed, "unread", done.Unread, "duration", time.Since(began))
	}
	return err
}
