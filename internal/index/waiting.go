package index

import (
	"context"
	"log/slog"
	"slices"
)

// SumSource has checksums of what was transferred, from the transfer until the
// snapshot that holds it is indexed.
type SumSource interface {
	// Waiting names the snapshots of a dataset that have checksums waiting, in no
	// order.
	Waiting(ctx context.Context, dataset string) ([]string, error)
	// Open gives those of several snapshots, of which the later ones replace the
	// earlier, until closed.
	Open(ctx context.Context, dataset string, snapshots []string) (sums Sums, closed func() error, err error)
	// Drop forgets those of a snapshot.
	Drop(ctx context.Context, dataset, snapshot string) error
}

// waitingSums are the checksums of one dataset while it is indexed. Without them
// an index is as good for all else, so what fails here is logged.
type waitingSums struct {
	from    SumSource
	dataset string
	log     *slog.Logger
	// names are the snapshots that have some.
	names []string
	// due are those whose checksums go with the snapshot that is indexed next:
	// they were removed before they were indexed.
	due []string
}

// waiting looks which checksums wait, and forgets those that the index has.
func (k *Keeper) waiting(ctx context.Context, dataset string, living, missing []Snapshot) *waitingSums {
	w := &waitingSums{from: k.Sums, dataset: dataset, log: k.Log}
	if w.from == nil {
		return w
	}
	var err error
	if w.names, err = w.from.Waiting(ctx, dataset); err != nil {
		w.complain(err)
	}
	for _, name := range w.names {
		named := func(s Snapshot) bool { return s.Name == name }
		switch {
		case slices.ContainsFunc(missing, named):
		case slices.ContainsFunc(living, named):
			w.drop(ctx, name)
		default:
			w.due = append(w.due, name)
		}
	}
	return w
}

// open gives the checksums for a snapshot; used is to be called with whether it
// was indexed.
func (w *waitingSums) open(ctx context.Context, snapshot string) (sums Sums, used func(ctx context.Context, indexed bool)) {
	names := w.due
	if slices.Contains(w.names, snapshot) {
		names = append(names, snapshot)
	}
	if len(names) == 0 {
		return nil, func(context.Context, bool) {}
	}
	sums, closed, err := w.from.Open(ctx, w.dataset, names)
	if err != nil {
		w.complain(err)
		return nil, func(context.Context, bool) {}
	}
	return sums, func(ctx context.Context, indexed bool) {
		if err := closed(); err != nil {
			w.complain(err)
		}
		if !indexed {
			return
		}
		for _, name := range names {
			w.drop(ctx, name)
		}
		w.due = nil
	}
}

func (w *waitingSums) drop(ctx context.Context, name string) {
	if err := w.from.Drop(ctx, w.dataset, name); err != nil {
		w.complain(err)
	}
}

func (w *waitingSums) complain(err error) {
	w.log.Warn("the checksums of what was transferred did not get into the index", "dataset", w.dataset, "error", err)
}
