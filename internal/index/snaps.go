package index

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// querier is what reads: a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// snap is an indexed snapshot with its number.
type snap struct {
	Snapshot
	seq, unread int64
}

// snaps are all indexed snapshots, the oldest first.
type snaps []snap

func loadSnaps(ctx context.Context, q querier) (snaps, error) {
	found, err := q.QueryContext(ctx, `SELECT seq, name, guid, created, state, unread FROM snaps ORDER BY created, seq`)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var list snaps
	for found.Next() {
		var s snap
		var created int64
		if err := found.Scan(&s.seq, &s.Name, &s.GUID, &created, &s.State, &s.unread); err != nil {
			return nil, err
		}
		s.Created = time.Unix(created, 0).UTC()
		list = append(list, s)
	}
	return list, found.Err()
}

// named gives the snapshot of that name. Errors: ErrNotFound.
func (l snaps) named(name string) (snap, error) {
	for _, s := range l {
		if s.Name == name {
			return s, nil
		}
	}
	return snap{}, fmt.Errorf("snapshot %s is %w", name, ErrNotFound)
}

// holding gives the places in l of those that hold a version.
func (l snaps) holding(r *row) []int {
	var list []int
	for i, s := range l {
		if r.holds(s.seq) {
			list = append(list, i)
		}
	}
	return list
}

// read calls do with one state of the index, whatever is changed meanwhile.
func (x *Index) read(ctx context.Context, do func(tx *sql.Tx, known snaps) error) error {
	tx, err := x.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return damage(err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	known, err := loadSnaps(ctx, tx)
	if err == nil {
		err = do(tx, known)
	}
	return damage(err)
}

// Snapshots lists the snapshots that are indexed, the oldest first.
func (x *Index) Snapshots(ctx context.Context) ([]Snapshot, error) {
	list, err := loadSnaps(ctx, x.db)
	if err != nil {
		return nil, damage(err)
	}
	out := make([]Snapshot, len(list))
	for i, s := range list {
		out[i] = s.Snapshot
	}
	return out, nil
}

// Retain forgets the snapshots that are not among the living, and every version
// that none of the others holds; it takes over names and states of those that
// are. It gives those that are living and not indexed yet, the oldest first.
func (x *Index) Retain(ctx context.Context, living []Snapshot) (missing []Snapshot, err error) {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, damage(err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	known, err := loadSnaps(ctx, tx)
	if err != nil {
		return nil, damage(err)
	}
	gone, err := retain(ctx, tx, known, living)
	if err != nil {
		return nil, damage(err)
	}
	if gone {
		for _, text := range []string{
			// The current versions stay: the next snapshot is compared with them.
			`DELETE FROM versions WHERE last < ` + current + `
				AND NOT EXISTS (SELECT 1 FROM snaps WHERE seq BETWEEN versions.first AND versions.last)`,
			`DELETE FROM files WHERE id <> 1 AND NOT EXISTS (SELECT 1 FROM versions WHERE file = files.id)`,
		} {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return nil, damage(err)
			}
		}
	}
	for _, l := range living {
		if !slices.ContainsFunc(known, func(k snap) bool { return k.is(l) }) {
			missing = append(missing, l)
		}
	}
	slices.SortStableFunc(missing, func(a, b Snapshot) int { return a.Created.Compare(b.Created) })
	return missing, damage(tx.Commit())
}

func retain(ctx context.Context, tx *sql.Tx, known snaps, living []Snapshot) (gone bool, err error) {
	for _, k := range known {
		i := slices.IndexFunc(living, k.is)
		switch {
		case i < 0:
			gone = true
			_, err = tx.ExecContext(ctx, `DELETE FROM snaps WHERE seq = ?`, k.seq)
		case living[i].Name != k.Name || living[i].State != k.State:
			_, err = tx.ExecContext(ctx, `UPDATE snaps SET name = ?, state = ? WHERE seq = ?`, living[i].Name, living[i].State, k.seq)
		}
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}
