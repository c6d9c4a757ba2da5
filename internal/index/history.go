package index

import (
	"bytes"
	"context"
	"database/sql"
	"slices"

	"planb/internal/tree"
)

// History gives the versions of a path, the newest first. Versions that differ
// in nothing that can be seen are one, also where another lay between them: of
// a directory that is owner, mode and modification time, which changes when a
// name in it comes or goes. Errors: ErrNotFound, if no snapshot has the path;
// of tree.ErrBadPath.
func (x *Index) History(ctx context.Context, path string) (list []Version, err error) {
	err = x.read(ctx, func(tx *sql.Tx, known snaps) error {
		id, ok, err := fileOf(ctx, tx, path)
		if err != nil || !ok {
			return err
		}
		rows, err := versionsOf(ctx, tx, id)
		list = fold(rows, known, tree.Clean(path))
		return err
	})
	if err == nil && len(list) == 0 {
		return nil, ErrNotFound
	}
	return list, err
}

// versionsOf gives all versions of a file, whether a snapshot still holds them
// or not.
func versionsOf(ctx context.Context, q querier, file int64) ([]row, error) {
	found, err := q.QueryContext(ctx, `SELECT `+rowColumns+` FROM versions v WHERE v.file = ? ORDER BY v.first`, file)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []row
	for found.Next() {
		var r row
		if err := found.Scan(r.scanInto()...); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// fold gives the versions that snapshots hold, the newest first, each once.
func fold(rows []row, known snaps, path string) []Version {
	type group struct {
		row
		places []int // in known, whose order tells more than times in whole seconds
	}
	var groups []group
	for i := range rows {
		r := &rows[i]
		held := known.holding(r)
		if len(held) == 0 {
			continue
		}
		same := slices.IndexFunc(groups, func(g group) bool { return looksLike(&g.row, r) })
		if same < 0 {
			groups = append(groups, group{row: *r, places: held})
			continue
		}
		g := &groups[same]
		if len(g.sum) == 0 {
			g.sum = r.sum
		}
		g.places = append(g.places, held...)
		slices.Sort(g.places)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return b.places[len(b.places)-1] - a.places[len(a.places)-1] })
	list := make([]Version, len(groups))
	for i, g := range groups {
		list[i].File = g.at(path)
		for _, n := range g.places {
			list[i].Snapshots = append(list[i].Snapshots, known[n].Snapshot)
		}
	}
	return list
}

// looksLike says whether two versions differ in nothing that can be seen.
func looksLike(a, b *row) bool {
	return a.sameContent(b) && a.sameOwner(b) && (len(a.sum) == 0 || len(b.sum) == 0 || bytes.Equal(a.sum, b.sum))
}
