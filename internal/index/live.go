package index

import (
	"context"
	"database/sql"

	"planb/internal/tree"
)

// DiffLive is Diff between a snapshot and the live files, which can be read at
// view: it looks at all of them, or at those at or beneath path. If they are
// being written meanwhile, what it says of them is of different moments.
func (x *Index) DiffLive(ctx context.Context, from, view, path string, limit int, each func(Change) error) (sum Difference, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		a, err := known.named(from)
		if err != nil {
			return err
		}
		top, err := cleanPath(path)
		if err != nil {
			return err
		}
		l := &liveDiff{sum: &sum, top: top, limit: limit, each: each}
		w := &walk{ctx: ctx, to: l, only: top}
		w.children, err = tx.PrepareContext(ctx, `SELECT f.name, `+rowColumns+` FROM files f
			JOIN versions v ON v.file = f.id AND v.last >= ?2 AND v.first <= ?2 WHERE f.dir = ?1 ORDER BY f.name`)
		if err != nil {
			return err
		}
		w.args = []any{a.seq}
		files, err := tree.Open(view)
		if err != nil {
			return err
		}
		defer files.Close()
		err = w.root(files)
		sum.Unread = w.unread
		return err
	})
	return sum, err
}

// cleanPath gives the absolute form of a path of the host. Errors: of
// tree.ErrBadPath.
func cleanPath(path string) (string, error) {
	if _, err := tree.Split(path); err != nil {
		return "", err
	}
	return tree.Clean(path), nil
}

// liveDiff tells of what a walk finds.
type liveDiff struct {
	sum   *Difference
	top   string
	limit int
	given int
	each  func(Change) error
}

func (l *liveDiff) tell(at place, was, now *row) error {
	p := pair{was: was, now: now}
	kind := p.kind()
	if kind == "" {
		return nil
	}
	path := at.path()
	if !under(path, l.top) {
		return nil
	}
	l.sum.count(kind, &p)
	if l.given++; l.given > l.limit {
		l.sum.More = true
		return nil
	}
	return l.each(p.change(path))
}

func (l *liveDiff) added(_ int64, at place, now *row) (int64, error) { return 0, l.tell(at, nil, now) }
func (l *liveDiff) changed(at place, was, now *row) error            { return l.tell(at, was, now) }
func (l *liveDiff) removed(at place, was *row) error                 { return l.tell(at, was, nil) }
func (*liveDiff) sized(int64, total) error                           { return nil }
