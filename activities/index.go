package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"planb/internal/index"
	"planb/internal/sums"
	"planb/internal/zfs"
)

// IndexTime is how long a backup waits for the index of its dataset. What is
// not indexed by then goes on without it.
const IndexTime = 15 * time.Minute

// Indexed says how far the index of a dataset is, in snapshots.
type Indexed struct {
	Snapshots int `json:"snapshots"`
	Indexed   int `json:"indexed"`
}

// Index enters the snapshots of a host's dataset that its index lacks, the new
// one above all, so that `planb history`, `find` and `diff` need not look
// through them.
func (s *Storage) Index(ctx context.Context, p Plan) (Indexed, error) {
	if s.Indexes == nil {
		return Indexed{}, nil
	}
	var latest atomic.Pointer[Progress]
	latest.Store(&Progress{})
	ctx, stop := s.beat(ctx, io.Discard, func() any { return *latest.Load() })
	defer stop()
	wait, cancel := context.WithTimeout(ctx, IndexTime)
	defer cancel()
	at, err := s.Indexes.CatchUp(wait, p.Dataset, func(now index.Progress) { latest.Store(&Progress{Files: now.Files}) })
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, errShutdown) {
			return Indexed{}, cause
		}
		return Indexed{}, later(ErrTypeShutdown, "the worker was restarted; the index is brought up to date by the next", 5*time.Second, errShutdown)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return Indexed{}, fmt.Errorf("indexing %s: %w", p.Dataset, err)
	}
	// When time was too short, it goes on, and answers say how far it is.
	return Indexed{Snapshots: at.Snapshots, Indexed: at.Indexed}, nil
}

// indexSlots is how many datasets are looked through at a time.
const indexSlots = 2

// NewIndexes gives the keeper of this server's indexes. It is to be closed.
func (s *Storage) NewIndexes() *index.Keeper {
	return index.NewKeeper(index.KeeperOptions{
		Dir: filepath.Join(s.State, "index"), Pool: index.ZFS{Client: s.ZFS}, Sums: waitingSums{s}, Slots: indexSlots, Log: s.Log,
	})
}

// TendIndexes brings the indexes of all datasets of this server up to date.
func (s *Storage) TendIndexes(ctx context.Context) {
	var all []string
	for _, parent := range s.Parents {
		list, err := s.ZFS.Datasets(ctx, parent)
		if err != nil {
			s.Log.Warn("the datasets of a storage are not indexed", "storage", parent, "error", err)
		}
		for _, d := range list {
			all = append(all, d.Name)
		}
	}
	s.Indexes.Tend(ctx, all, s.Now())
}

// waitingSums are the checksums that the transfers of all hosts left.
type waitingSums struct{ *Storage }

// dir is that of the host that the dataset belongs to; empty for none.
func (s waitingSums) dir(ctx context.Context, dataset string) (string, error) {
	d, err := s.ZFS.Dataset(ctx, dataset)
	if err != nil || d.Props[zfs.PropHost] == "" {
		return "", err
	}
	return s.sumsDir(Plan{HostID: d.Props[zfs.PropHost]}), nil
}

// Waiting implements index.SumSource.
func (s waitingSums) Waiting(ctx context.Context, dataset string) ([]string, error) {
	dir, err := s.dir(ctx, dataset)
	if err != nil || dir == "" {
		return nil, err
	}
	return sums.Sealed(dir)
}

// Open implements index.SumSource.
func (s waitingSums) Open(ctx context.Context, dataset string, snapshots []string) (index.Sums, func() error, error) {
	dir, err := s.dir(ctx, dataset)
	if err != nil {
		return nil, nil, err
	}
	table, err := sums.Open(dir, snapshots...)
	if err != nil {
		return nil, nil, err
	}
	return func(path string) (index.Sum, bool) {
		got, ok := table.Lookup(path)
		return index.Sum(got), ok
	}, table.Close, nil
}

// Drop implements index.SumSource.
func (s waitingSums) Drop(ctx context.Context, dataset, snapshot string) error {
	dir, err := s.dir(ctx, dataset)
	if err != nil || dir == "" {
		return err
	}
	return sums.Drop(dir, snapshot)
}
