package index

import (
	"context"
	"database/sql"
	"errors"

	"planb/internal/tree"
)

// Size is what lies at a path of a snapshot.
type Size struct {
	File
	// Depth is how far it lies beneath the path that was asked for.
	Depth int
	// Bytes are those of the regular files in it, as large as they claim to be,
	// and once for all names of a file; of a file its own. Files is how many
	// names lie in it that are no directories.
	Bytes, Files int64
}

// Tree gives what takes the room beneath a path of a snapshot, down to depth
// levels: the path itself, then what is in it, the largest first, each directory
// followed by its own content. Of every directory at most limit names are given,
// the largest. For the snapshot that was indexed last that takes milliseconds,
// for others a look at every file in the index. Errors: ErrNotFound; of
// tree.ErrBadPath.
func (x *Index) Tree(ctx context.Context, snapshot, path string, depth, limit int) (list []Size, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		s, err := known.named(snapshot)
		if err != nil {
			return err
		}
		id, ok, err := fileOf(ctx, tx, path)
		if err != nil {
			return err
		}
		t := &sizeTree{ctx: ctx, tx: tx, seq: s.seq, depth: depth, limit: limit}
		if ok {
			if err := t.load(); err != nil {
				return err
			}
			err = t.top(id, tree.Clean(path))
		}
		list = t.list
		return err
	})
	if err == nil && len(list) == 0 {
		return nil, ErrNotFound
	}
	return list, err
}

type sizeTree struct {
	ctx          context.Context
	tx           *sql.Tx
	seq          int64
	depth, limit int
	// totals are those of all directories, for a snapshot that is not the last
	// indexed; nil for that one, of which they are in the table.
	totals map[int64]total
	list   []Size
}

// load adds up the sizes, unless they are known.
func (t *sizeTree) load() error {
	var last int64
	if err := t.tx.QueryRowContext(t.ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'snaps'`).Scan(&last); err != nil || last == t.seq {
		return err
	}
	found, err := t.tx.QueryContext(t.ctx, `SELECT f.id, f.dir, v.mode, v.size, v.nlink, v.ino FROM versions v JOIN files f ON f.id = v.file
		WHERE v.first <= ?1 AND v.last >= ?1 ORDER BY f.id`, t.seq)
	if err != nil {
		return err
	}
	defer found.Close()
	t.totals = map[int64]total{}
	up := map[int64]int64{}
	w := walk{linked: map[int64]bool{}}
	for found.Next() {
		var r row
		var id, dir int64
		if err := found.Scan(&id, &dir, &r.mode, &r.size, &r.nlink, &r.ino); err != nil {
			return err
		}
		if r.isDir() {
			up[id] = dir
			continue
		}
		sum := t.totals[dir]
		sum.add(w.size(&r))
		t.totals[dir] = sum
	}
	if err := found.Err(); err != nil {
		return err
	}
	t.totals = addUp(t.totals, up)
	return nil
}

// addUp gives each directory what is in those beneath it, too.
func addUp(direct map[int64]total, up map[int64]int64) map[int64]total {
	all := make(map[int64]total, len(up))
	for dir, own := range direct {
		for at, ok := dir, true; ok && at != 0; at, ok = up[at] {
			sum := all[at]
			sum.add(own)
			all[at] = sum
		}
	}
	return all
}

// top begins with the path itself.
func (t *sizeTree) top(id int64, path string) error {
	var r row
	err := t.tx.QueryRowContext(t.ctx, `SELECT `+rowColumns+` FROM versions v WHERE v.file = ?1 AND v.last >= ?2 AND v.first <= ?2`, id, t.seq).Scan(r.scanInto()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := t.size(&r, path, 0)
	if err != nil {
		return err
	}
	return t.show(s, r.file)
}

func (t *sizeTree) show(s Size, id int64) error {
	t.list = append(t.list, s)
	if s.Depth >= t.depth || tree.Type(s.Mode) != tree.TypeDir {
		return nil
	}
	found, err := t.tx.QueryContext(t.ctx, `SELECT f.name, `+rowColumns+`, coalesce(z.bytes, 0), coalesce(z.files, 0) FROM files f
		JOIN versions v ON v.file = f.id AND v.last >= ?2 AND v.first <= ?2 LEFT JOIN sizes z ON z.dir = f.id WHERE f.dir = ?1`, id, t.seq)
	if err != nil {
		return err
	}
	defer found.Close()
	type child struct {
		Size
		id int64
	}
	best := lowest[child]{limit: t.limit, compare: func(a, b child) int {
		if a.Bytes != b.Bytes {
			return int(max(-1, min(1, b.Bytes-a.Bytes)))
		}
		return comparePaths(a.Path, b.Path)
	}}
	for found.Next() {
		var n named
		var sum total
		if err := found.Scan(append(append([]any{&n.name}, n.scanInto()...), &sum.bytes, &sum.files)...); err != nil {
			return err
		}
		best.add(child{t.sizeWith(&n.row, place{s.Path, n.name}.path(), s.Depth+1, sum), n.file})
	}
	if err := found.Err(); err != nil {
		return err
	}
	for _, c := range best.all() {
		if err := t.show(c.Size, c.id); err != nil {
			return err
		}
	}
	return nil
}

// size gives a path with what lies in it.
func (t *sizeTree) size(r *row, path string, depth int) (Size, error) {
	var sum total
	err := t.tx.QueryRowContext(t.ctx, `SELECT bytes, files FROM sizes WHERE dir = ?`, r.file).Scan(&sum.bytes, &sum.files)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return t.sizeWith(r, path, depth, sum), err
}

func (t *sizeTree) sizeWith(r *row, path string, depth int, sum total) Size {
	switch {
	case !r.isDir():
		sum = total{files: 1}
		if r.isRegular() {
			sum.bytes = r.size
		}
	case t.totals != nil:
		sum = t.totals[r.file]
	}
	return Size{File: r.at(path), Depth: depth, Bytes: sum.bytes, Files: sum.files}
}
