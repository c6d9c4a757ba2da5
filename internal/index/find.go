package index

import (
	"context"
	"database/sql"
)

// Found is a path that was looked for.
type Found struct {
	// Version is the newest of the path; its Snapshots are all that have the
	// path, in whatever version, the oldest first.
	Version
	// Versions is how many different ones there are.
	Versions int
	// GoneSince is the first snapshot that has the path no more; nil while the
	// newest one has it.
	GoneSince *Snapshot
}

// FindOptions says where to look, and for how much.
type FindOptions struct {
	// Snapshot is the name of the only one to look in; empty for all.
	Snapshot string
	// Limit is how many paths are given at most.
	Limit int
}

// Find calls each with the paths that match, in their order; more says that
// there are others beyond the limit. Errors: ErrNotFound, for a snapshot that is
// not indexed; those of each.
func (x *Index) Find(ctx context.Context, p Pattern, o FindOptions, each func(Found) error) (more bool, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		var in *snap
		if o.Snapshot != "" {
			s, err := known.named(o.Snapshot)
			if err != nil {
				return err
			}
			in = &s
		}
		hits, err := matching(ctx, tx, p, in, o.Limit)
		if err != nil {
			return err
		}
		list := hits.all()
		more = hits.more
		for _, h := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			rows, err := versionsOf(ctx, tx, h.file)
			if err != nil {
				return err
			}
			if f, ok := summary(rows, known, h.path); ok {
				if err := each(f); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return more, err
}

// hit is a path with its number.
type hit struct {
	path string
	file int64
}

func newHits(limit int) *lowest[hit] {
	return &lowest[hit]{limit: limit, compare: func(a, b hit) int { return comparePaths(a.path, b.path) }}
}

// matching gives the paths that match, and that some snapshot holds.
func matching(ctx context.Context, tx *sql.Tx, p Pattern, in *snap, limit int) (*lowest[hit], error) {
	found, err := tx.QueryContext(ctx, `SELECT id, dir, name FROM files`)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	where := newPaths(ctx, tx)
	held, err := holders(ctx, tx, in)
	if err != nil {
		return nil, err
	}
	hits := newHits(limit)
	for found.Next() {
		var h hit
		var dir int64
		var name string
		if err := found.Scan(&h.file, &dir, &name); err != nil {
			return nil, err
		}
		path := func() (string, error) { return where.file(dir, name) }
		ok, err := p.match(name, path)
		if err == nil && ok {
			ok, err = held(h.file)
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if h.path, err = path(); err != nil {
			return nil, err
		}
		hits.add(h)
	}
	return hits, found.Err()
}

// holders gives a function that says whether a snapshot, or that one, holds a file.
func holders(ctx context.Context, tx *sql.Tx, in *snap) (func(file int64) (bool, error), error) {
	text, args := `SELECT EXISTS (SELECT 1 FROM versions v JOIN snaps s ON s.seq BETWEEN v.first AND v.last WHERE v.file = ?)`, []any{}
	if in != nil {
		text, args = `SELECT EXISTS (SELECT 1 FROM versions WHERE file = ?1 AND last >= ?2 AND first <= ?2)`, []any{in.seq}
	}
	ask, err := tx.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return func(file int64) (ok bool, err error) {
		err = ask.QueryRowContext(ctx, append([]any{file}, args...)...).Scan(&ok)
		return ok, err
	}, nil
}

// summary tells of a path; false if no snapshot holds it.
func summary(rows []row, known snaps, path string) (Found, bool) {
	list := fold(rows, known, path)
	if len(list) == 0 {
		return Found{}, false
	}
	f := Found{Version: list[0], Versions: len(list)}
	f.Snapshots = nil
	for _, s := range known {
		held := false
		for i := range rows {
			held = held || rows[i].holds(s.seq)
		}
		switch {
		case held:
			f.Snapshots, f.GoneSince = append(f.Snapshots, s.Snapshot), nil
		case len(f.Snapshots) > 0 && f.GoneSince == nil:
			f.GoneSince = &s.Snapshot
		}
	}
	return f, true
}
