package index

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// forgotten is how long the index of a dataset that is not there is kept: its
// pool may come back.
const forgotten = 30 * 24 * time.Hour

// Tend brings the indexes of all datasets up to date, one after the other, as
// after an upgrade or a time without a worker, and deletes those of datasets
// that have long been gone. What it cannot do it logs.
func (k *Keeper) Tend(ctx context.Context, datasets []string, now time.Time) {
	for _, dataset := range datasets {
		if ctx.Err() != nil {
			return
		}
		if err := k.tend(ctx, dataset, now); err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) {
			k.Log.Warn("the files of a dataset are not indexed", "dataset", dataset, "error", err)
		}
	}
	if err := k.sweep(now); err != nil {
		k.Log.Warn("old indexes were not removed", "error", err)
	}
}

func (k *Keeper) tend(ctx context.Context, dataset string, now time.Time) error {
	id, living, err := k.Pool.Snapshots(ctx, dataset)
	if err != nil {
		return err
	}
	s := k.of(id)
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) && len(living) == 0 {
		return nil // a group's dataset, or one that waits for its first backup
	}
	if err := k.with(ctx, s, func(x *Index) error { return x.Check(ctx) }); err != nil {
		return err
	}
	// The time of the file says when its dataset was last seen.
	if err := os.Chtimes(s.path, now, now); err != nil {
		return err
	}
	_, err = k.CatchUp(ctx, dataset, nil)
	return err
}

// sweep deletes the indexes that nobody has opened for long.
func (k *Keeper) sweep(now time.Time) error {
	list, err := os.ReadDir(k.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), ".db") || now.Sub(info.ModTime()) < forgotten {
			continue
		}
		k.mu.Lock()
		known := k.sets[strings.TrimSuffix(e.Name(), ".db")] != nil
		k.mu.Unlock()
		if !known {
			errs = append(errs, Remove(filepath.Join(k.Dir, e.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}
