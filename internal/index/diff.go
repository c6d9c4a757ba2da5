package index

import (
	"bytes"
	"context"
	"database/sql"
)

// Kinds of a Change.
const (
	Added   = "added"
	Removed = "removed"
	// Changed is another content, by size and modification time, or another type.
	Changed = "changed"
	// Meta is the same content with another owner, mode, time, number of links,
	// or with other attributes.
	Meta = "meta"
)

// Change is a path that differs.
type Change struct {
	Kind string
	Path string
	// Old and New are its versions; nil where it is not there.
	Old, New *File
}

// Counts are how many paths differ in one way, and the bytes of the regular
// files among them: of what is new, or, for removed ones, of what was.
type Counts struct{ Files, Bytes int64 }

// Difference is the sum of what differs.
type Difference struct {
	Added, Removed, Changed, Meta Counts
	// More says that not all changes were given.
	More bool
	// Unread is how many live files could not be looked at.
	Unread int64
}

// Diff calls each with what differs between two snapshots, in the order of the
// paths, at or beneath path; no more than limit changes, though all are counted.
// Directories of which only the time differs are left out. Errors: ErrNotFound,
// for snapshots that are not indexed; of tree.ErrBadPath; those of each.
func (x *Index) Diff(ctx context.Context, from, to, path string, limit int, each func(Change) error) (sum Difference, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		a, err := known.named(from)
		if err != nil {
			return err
		}
		b, err := known.named(to)
		if err != nil {
			return err
		}
		top, err := cleanPath(path)
		if err != nil {
			return err
		}
		hits, err := differing(ctx, tx, a.seq, b.seq, top, limit, &sum)
		if err != nil {
			return err
		}
		list := hits.all()
		sum.More = hits.more
		return giveChanges(ctx, tx, a.seq, b.seq, list, each)
	})
	return sum, err
}

// differing finds and counts the paths of which the snapshots hold different
// versions.
func differing(ctx context.Context, tx *sql.Tx, a, b int64, top string, limit int, sum *Difference) (*lowest[hit], error) {
	// Of each file at most one version is held by a alone, and one by b alone.
	found, err := tx.QueryContext(ctx, `SELECT f.dir, f.name, `+rowColumns+` FROM versions v JOIN files f ON f.id = v.file
		WHERE (v.first <= ?1 AND v.last >= ?1) <> (v.first <= ?2 AND v.last >= ?2) ORDER BY v.file`, a, b)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	where, hits := newPaths(ctx, tx), newHits(limit)
	var pending pair
	take := func() error {
		kind := pending.kind()
		if kind == "" {
			return nil
		}
		path, err := where.file(pending.dir, pending.name)
		if err == nil && under(path, top) {
			sum.count(kind, &pending)
			hits.add(hit{path, pending.file})
		}
		return err
	}
	for found.Next() {
		var r row
		var dir int64
		var name string
		if err := found.Scan(append([]any{&dir, &name}, r.scanInto()...)...); err != nil {
			return nil, err
		}
		if r.file != pending.file {
			if err := take(); err != nil {
				return nil, err
			}
			pending = pair{file: r.file, dir: dir, name: name}
		}
		if r.holds(a) {
			pending.was = &r
		} else {
			pending.now = &r
		}
	}
	if err := take(); err != nil {
		return nil, err
	}
	return hits, found.Err()
}

// giveChanges reads the versions of the paths that are to be shown.
func giveChanges(ctx context.Context, tx *sql.Tx, a, b int64, list []hit, each func(Change) error) error {
	for _, h := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, err := versionsOf(ctx, tx, h.file)
		if err != nil {
			return err
		}
		var p pair
		for i := range rows {
			if rows[i].holds(a) {
				p.was = &rows[i]
			}
			if rows[i].holds(b) {
				p.now = &rows[i]
			}
		}
		if err := each(p.change(h.path)); err != nil {
			return err
		}
	}
	return nil
}

// pair is one path in two trees; nil where it is not there.
type pair struct {
	file, dir int64
	name      string
	was, now  *row
}

// kind says in what way they differ, empty if in none that counts.
func (p *pair) kind() string {
	was, now := p.was, p.now
	switch {
	case was == nil && now == nil:
		return ""
	case was == nil:
		return Added
	case now == nil:
		return Removed
	case was.isDir() && now.isDir():
		if was.sameOwner(now) {
			return ""
		}
		return Meta
	case len(was.sum) > 0 && len(now.sum) > 0 && bytes.Equal(was.sum, now.sum) && was.size == now.size:
		// Touched, and the checksum shows that it is no more than that.
		if was.same(now) {
			return ""
		}
		return Meta
	case !was.sameContent(now), len(was.sum) > 0 && len(now.sum) > 0 && !bytes.Equal(was.sum, now.sum):
		return Changed
	case was.same(now):
		return ""
	}
	return Meta
}

func (p *pair) change(path string) Change {
	c := Change{Kind: p.kind(), Path: path}
	if p.was != nil {
		f := p.was.at(path)
		c.Old = &f
	}
	if p.now != nil {
		f := p.now.at(path)
		c.New = &f
	}
	return c
}

func (d *Difference) count(kind string, p *pair) {
	counts, r := &d.Meta, p.now
	switch kind {
	case Added:
		counts = &d.Added
	case Removed:
		counts, r = &d.Removed, p.was
	case Changed:
		counts = &d.Changed
	}
	counts.Files++
	if r.isRegular() {
		counts.Bytes += r.size
	}
}
