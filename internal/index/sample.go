package index

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"planb/internal/tree"
)

// Lookup gives the version of a path that a snapshot holds. Errors: ErrNotFound,
// if the snapshot is not indexed or does not have the path; of tree.ErrBadPath.
func (x *Index) Lookup(ctx context.Context, snapshot, path string) (f File, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		s, err := known.named(snapshot)
		if err != nil {
			return err
		}
		id, ok, err := fileOf(ctx, tx, path)
		if err != nil {
			return err
		}
		var r row
		if ok {
			err = tx.QueryRowContext(ctx, `SELECT `+rowColumns+` FROM versions v WHERE v.file = ?1 AND v.last >= ?2 AND v.first <= ?2`,
				id, s.seq).Scan(r.scanInto()...)
		}
		if !ok || errors.Is(err, sql.ErrNoRows) {
			esc, _ := tree.Escape(path)
			return fmt.Errorf("%s of snapshot %s is %w", esc, snapshot, ErrNotFound)
		}
		f = r.at(tree.Clean(path))
		return err
	})
	return f, err
}

// Unread tells how many files of a snapshot could not be looked at when it was
// indexed: the index knows nothing of them. Errors: ErrNotFound.
func (x *Index) Unread(ctx context.Context, snapshot string) (n int64, err error) {
	err = x.read(ctx, func(_ *sql.Tx, known snaps) error {
		s, err := known.named(snapshot)
		n = s.unread
		return err
	})
	return n, err
}

// Random gives up to n regular files of a snapshot, each as likely as any other.
// The same seed gives the same files, also from an index that was built anew.
// Errors: ErrNotFound, if the snapshot is not indexed.
func (x *Index) Random(ctx context.Context, snapshot string, n int, seed uint64) ([]File, error) {
	list, err := x.pick(ctx, snapshot, n, func(path string, _ *row) uint64 {
		// The n smallest of numbers that look drawn by lot.
		h := sha256.New()
		_ = binary.Write(h, binary.LittleEndian, seed)
		h.Write([]byte(path))
		return binary.LittleEndian.Uint64(h.Sum(nil))
	})
	slices.SortFunc(list, func(a, b File) int { return comparePaths(a.Path, b.Path) })
	return list, err
}

// Largest gives the n largest regular files of a snapshot, the largest first.
// Errors: ErrNotFound, if the snapshot is not indexed.
func (x *Index) Largest(ctx context.Context, snapshot string, n int) ([]File, error) {
	return x.pick(ctx, snapshot, n, func(_ string, r *row) uint64 { return ^uint64(r.size) })
}

// Regular gives up to n regular files of a snapshot that come after the file
// numbered after, in an order of the index's own, and the number of the last.
// Begin with 0; fewer than n are the last. Errors: ErrNotFound, if the snapshot
// is not indexed.
func (x *Index) Regular(ctx context.Context, snapshot string, after int64, n int) (list []File, last int64, err error) {
	last = after
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		s, err := known.named(snapshot)
		if err != nil {
			return err
		}
		found, err := tx.QueryContext(ctx, `SELECT f.dir, f.name, `+rowColumns+` FROM versions v JOIN files f ON f.id = v.file
			WHERE v.file > ?2 AND v.first <= ?1 AND v.last >= ?1 AND v.mode & 0xf000 = 0x8000 ORDER BY v.file LIMIT ?3`, s.seq, after, n)
		if err != nil {
			return err
		}
		defer found.Close()
		where := newPaths(ctx, tx)
		for found.Next() {
			var r row
			var dir int64
			var name string
			if err := found.Scan(append([]any{&dir, &name}, r.scanInto()...)...); err != nil {
				return err
			}
			path, err := where.file(dir, name)
			if err != nil {
				return err
			}
			list, last = append(list, r.at(path)), r.file
		}
		return found.Err()
	})
	return list, last, err
}

// pick gives those n regular files of a snapshot that rank lowest.
func (x *Index) pick(ctx context.Context, snapshot string, n int, rank func(path string, r *row) uint64) (list []File, err error) {
	best := lowest[ranked]{limit: max(n, 0), compare: func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), comparePaths(a.Path, b.Path))
	}}
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		s, err := known.named(snapshot)
		if err != nil {
			return err
		}
		found, err := tx.QueryContext(ctx, `SELECT f.dir, f.name, `+rowColumns+` FROM versions v JOIN files f ON f.id = v.file
			WHERE v.first <= ?1 AND v.last >= ?1 AND v.mode & 0xf000 = 0x8000`, s.seq)
		if err != nil {
			return err
		}
		defer found.Close()
		where := newPaths(ctx, tx)
		for found.Next() {
			var r row
			var dir int64
			var name string
			if err := found.Scan(append([]any{&dir, &name}, r.scanInto()...)...); err != nil {
				return err
			}
			path, err := where.file(dir, name)
			if err != nil {
				return err
			}
			best.add(ranked{r.at(path), rank(path, &r)})
		}
		return found.Err()
	})
	for _, b := range best.all() {
		list = append(list, b.File)
	}
	return list, err
}

type ranked struct {
	File
	rank uint64
}

// lowest keeps the lowest of many, never more than twice as many as it gives.
type lowest[T any] struct {
	limit   int
	compare func(a, b T) int
	list    []T
	// more says that some were left out.
	more bool
}

func (l *lowest[T]) add(v T) {
	l.list = append(l.list, v)
	if len(l.list) >= 2*l.limit+1024 {
		l.trim()
	}
}

func (l *lowest[T]) trim() {
	slices.SortFunc(l.list, l.compare)
	if len(l.list) > l.limit {
		clear(l.list[l.limit:])
		l.list, l.more = l.list[:l.limit], true
	}
}

// all gives them, the lowest first.
func (l *lowest[T]) all() []T {
	l.trim()
	return l.list
}
