package index

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"planb/internal/tree"
)

// Updated says what an update did, in numbers of paths.
type Updated struct {
	Files                   int64
	Added, Changed, Removed int64
	// Unread are those that could not be looked at.
	Unread int64
}

// Update enters a snapshot, whose tree can be read at view, as the newest. What
// is as it was in the snapshot entered before costs nothing. It is all or
// nothing, and does nothing for a snapshot that is there already. sums may be
// nil; seen, which may be nil too, is told now and then how many files were
// looked at.
func (x *Index) Update(ctx context.Context, s Snapshot, view string, sums Sums, seen func(files int64)) (done Updated, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("indexing %s: %w", s.Name, damage(err))
		}
	}()
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return done, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	known, err := loadSnaps(ctx, tx)
	if err != nil {
		return done, err
	}
	for _, k := range known {
		if k.is(s) {
			return done, nil
		}
	}
	u, err := newUpdate(ctx, tx, s, sums)
	if err != nil {
		return done, err
	}
	w := &walk{ctx: ctx, children: u.children, to: u, seen: seen}
	top, err := tree.Open(view)
	if err == nil {
		defer top.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	// A foreign snapshot may hold no files of a host at all.
	if err := w.root(top); err != nil {
		return done, err
	}
	if err := u.finish(w.unread); err != nil {
		return done, err
	}
	u.Files, u.Unread = w.files, w.unread
	return u.Updated, tx.Commit()
}

// update writes what a walk finds.
type update struct {
	Updated
	ctx  context.Context
	tx   *sql.Tx
	seq  int64
	sums Sums

	children, insertFile, insertVersion, closeVersion, knownSum, size, unsize, setSum *sql.Stmt

	// links are names of files that have several, and no checksum yet: rsync
	// sends, and sums, only one of the names.
	links    []link
	linkSums map[int64]row
}

// link is one name of a file.
type link struct {
	file int64
	row  row
}

func newUpdate(ctx context.Context, tx *sql.Tx, s Snapshot, sums Sums) (*update, error) {
	if sums == nil {
		sums = func(string) (Sum, bool) { return Sum{}, false }
	}
	// The transaction ends with ctx; to watch it once more in each of thousands
	// of queries costs more than they do.
	ctx = context.WithoutCancel(ctx)
	u := &update{ctx: ctx, tx: tx, sums: sums, linkSums: map[int64]row{}}
	err := tx.QueryRowContext(ctx, `INSERT INTO snaps (name, guid, created, state, unread) VALUES (?, ?, ?, ?, 0) RETURNING seq`,
		s.Name, s.GUID, s.Created.Unix(), s.State).Scan(&u.seq)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&u.children, `SELECT f.name, ` + rowColumns + ` FROM files f JOIN versions v ON v.file = f.id AND v.last = ` + current + ` WHERE f.dir = ? ORDER BY f.name`},
		// A name that comes back has its number still.
		{&u.insertFile, `INSERT INTO files (dir, name) VALUES (?, ?) ON CONFLICT (dir, name) DO UPDATE SET dir = excluded.dir RETURNING id`},
		{&u.insertVersion, `INSERT INTO versions (file, last, first, mode, uid, gid, size, mtime, ctime, ino, nlink, rdev, target, sum)
			VALUES (?, ` + current + `, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&u.closeVersion, `UPDATE versions SET last = ? WHERE file = ? AND last = ` + current},
		{&u.knownSum, `SELECT sum FROM versions WHERE file = ? AND ino = ? AND size = ? AND mtime = ? AND sum IS NOT NULL ORDER BY last DESC LIMIT 1`},
		{&u.size, `INSERT INTO sizes (dir, bytes, files) VALUES (?, ?, ?) ON CONFLICT (dir) DO UPDATE SET bytes = excluded.bytes, files = excluded.files
			WHERE bytes <> excluded.bytes OR files <> excluded.files`},
		{&u.unsize, `DELETE FROM sizes WHERE dir = ?`},
		{&u.setSum, `UPDATE versions SET sum = ? WHERE file = ? AND last = ` + current},
	} {
		if *p.to, err = tx.PrepareContext(ctx, p.text); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func (u *update) added(dir int64, at place, now *row) (int64, error) {
	u.Added++
	id := int64(rootID)
	if dir != 0 {
		if err := u.insertFile.QueryRowContext(u.ctx, dir, []byte(at.name)).Scan(&id); err != nil {
			return 0, err
		}
	}
	return id, u.insert(id, at, now)
}

func (u *update) changed(at place, was, now *row) error {
	u.Changed++
	if err := u.close(was); err != nil {
		return err
	}
	return u.insert(was.file, at, now)
}

func (u *update) removed(_ place, was *row) error {
	u.Removed++
	return u.close(was)
}

func (u *update) sized(id int64, t total) error {
	_, err := u.size.ExecContext(u.ctx, id, t.bytes, t.files)
	return err
}

// close ends the current version of a file with the snapshot before this one.
func (u *update) close(was *row) error {
	if was.isDir() {
		if _, err := u.unsize.ExecContext(u.ctx, was.file); err != nil {
			return err
		}
	}
	_, err := u.closeVersion.ExecContext(u.ctx, u.seq-1, was.file)
	return err
}

func (u *update) insert(id int64, at place, now *row) error {
	if now.isRegular() {
		if err := u.findSum(id, at, now); err != nil {
			return err
		}
	}
	_, err := u.insertVersion.ExecContext(u.ctx, id, u.seq, now.mode, now.uid, now.gid, now.size, now.mtime, now.ctime,
		now.ino, now.nlink, now.rdev, now.target, now.sum)
	return err
}

// findSum gives a version the checksum that is known of it.
//
// One that only another version of the path has is kept where inode, size and
// modification time, to the nanosecond, are the same: then the owner, the mode,
// an attribute or the number of links changed, and not the content. The content
// is written by rsync alone, which makes a new file, or writes into this one and
// sets its time at the end: to that of another content, or, where the host has
// set it back, to the same, and then rsync gave a checksum for it just now. A
// transfer that was cut short leaves the time of the cut. Should all of this
// fail, a verification finds a difference that is none, which is loud, and never
// calls proven what is not.
func (u *update) findSum(id int64, at place, now *row) error {
	if s, ok := u.sums(at.path()); ok && s.Hex == "" {
		return nil
	} else if ok && now.is(s) {
		sum, err := hex.DecodeString(s.Hex)
		if err != nil || len(sum) == 0 {
			return fmt.Errorf("the checksum of %q is not hexadecimal: %q", at.path(), s.Hex)
		}
		now.sum = sum
		if now.nlink > 1 {
			u.linkSums[now.ino] = *now
		}
		return nil
	}
	err := u.knownSum.QueryRowContext(u.ctx, id, now.ino, now.size, now.mtime).Scan(&now.sum)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if now.nlink > 1 {
		u.links = append(u.links, link{id, *now})
	}
	return err
}

// is says whether a checksum belongs to this content.
func (r *row) is(s Sum) bool {
	return r.isRegular() && r.size == s.Size && floorSeconds(r.mtime) == s.MTimeUnix
}

// floorSeconds gives whole seconds as the kernel counts them, also before 1970.
func floorSeconds(nano int64) int64 {
	s := nano / nanos
	if nano%nanos < 0 {
		s--
	}
	return s
}

// finish gives all names of a file the checksum that one of them got.
func (u *update) finish(unread int64) error {
	for _, l := range u.links {
		got, ok := u.linkSums[l.row.ino]
		if !ok || !got.sameContent(&l.row) || bytes.Equal(got.sum, l.row.sum) {
			continue
		}
		if _, err := u.setSum.ExecContext(u.ctx, got.sum, l.file); err != nil {
			return err
		}
	}
	_, err := u.tx.ExecContext(u.ctx, `UPDATE snaps SET unread = ? WHERE seq = ?`, unread, u.seq)
	return err
}
