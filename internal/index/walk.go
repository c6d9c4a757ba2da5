package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// namesBatch is how many names are read from a directory at once.
const namesBatch = 1024

// lookEvery is after how many files a walk reports and sees whether it shall end.
const lookEvery = 1024

// sink takes what a walk finds: directories before what is in them, and within
// one in the order of the names.
type sink interface {
	// added takes a path that the rows do not have, and gives it its number; 0
	// where the sink does not number.
	added(dir int64, place place, now *row) (id int64, err error)
	// changed takes a path of which there is another version now.
	changed(place place, was, now *row) error
	// removed takes a path that is not there any more.
	removed(place place, was *row) error
	// sized takes what lies beneath a directory, after all that is in it.
	sized(id int64, total total) error
}

// place is where a file lies. Its path is put together only when it is wanted.
type place struct{ dir, name string }

func (p place) path() string {
	switch {
	case p.name == "":
		return "/"
	case p.dir == "/":
		return "/" + p.name
	}
	return p.dir + "/" + p.name
}

// total is what lies beneath a directory: bytes of regular files, of hard links
// once, and files that are no directories.
type total struct{ bytes, files int64 }

func (t *total) add(o total) { t.bytes, t.files = t.bytes+o.bytes, t.files+o.files }

// walk compares a tree with rows. Both are read in the order of the names, one
// directory at a time, which is all that it keeps in memory.
type walk struct {
	ctx context.Context
	// children gives name and row of what is in a directory by the rows.
	children *sql.Stmt
	// args follow the number of the directory.
	args []any
	to   sink
	// only is the path to which the walk keeps, with what is beneath it and above
	// it; empty or / for all.
	only string
	// seen counts the files looked at so far, for whoever waits.
	seen func(files int64)

	files int64
	// unread are files that could not be looked at.
	unread int64
	// linked are the files with several names whose bytes are counted.
	linked map[int64]bool
}

// root walks all of a tree; d is nil for one that is empty.
func (w *walk) root(d *tree.Dir) error {
	w.linked = map[int64]bool{}
	was, err := w.rows(0)
	if err != nil {
		return err
	}
	here := entry{}
	if len(was) > 0 {
		here.was = &was[0].row
	}
	if d != nil {
		if here.now, err = w.look(d, ".", place{}, here.was); err != nil {
			return err
		}
	}
	_, err = w.one(d, 0, place{}, here)
	return err
}

// entry is one name, as it was and as it is; nil where it is not there.
type entry struct{ was, now *row }

// one hands on what differs about one name, and goes into it.
func (w *walk) one(d *tree.Dir, dir int64, at place, e entry) (total, error) {
	if w.files++; w.files%lookEvery == 0 {
		if err := w.ctx.Err(); err != nil {
			return total{}, context.Cause(w.ctx)
		}
		if w.seen != nil {
			w.seen(w.files)
		}
	}
	var id int64
	var err error
	// Nothing beneath it has rows. One that could not be looked at may have been a
	// directory before.
	fresh := e.was == nil || !e.was.isDir() && !e.was.unread()
	switch {
	case e.now == nil && e.was == nil:
		return total{}, nil
	case e.now == nil:
		err = w.to.removed(at, e.was)
		if err == nil && !fresh {
			_, err = w.dir(nil, e.was.file, false, at.path())
		}
		return total{}, err
	case e.was == nil:
		id, err = w.to.added(dir, at, e.now)
	case e.was.same(e.now):
		id = e.was.file
	default:
		id = e.was.file
		err = w.to.changed(at, e.was, e.now)
	}
	if err != nil {
		return total{}, err
	}
	if e.now.unread() {
		return total{files: 1}, nil // and what was in it is not called removed
	}
	if !e.now.isDir() {
		if !fresh {
			_, err = w.dir(nil, id, false, at.path())
		}
		return w.size(e.now), err
	}
	name := at.name
	if name == "" {
		name = "."
	}
	sub, err := d.OpenDir(name)
	if err != nil {
		if err = w.forgive(err); err != nil {
			return total{}, err
		}
		return total{}, nil
	}
	defer sub.Close()
	return w.dir(sub, id, fresh, at.path())
}

// size is what one file that is no directory adds to those above it.
func (w *walk) size(r *row) total {
	if !r.isRegular() {
		return total{files: 1}
	}
	if r.nlink > 1 {
		if w.linked[r.ino] {
			return total{files: 1}
		}
		w.linked[r.ino] = true
	}
	return total{bytes: r.size, files: 1}
}

// dir compares one directory; d is nil for one that is gone. Of one that is
// fresh there are no rows.
func (w *walk) dir(d *tree.Dir, id int64, fresh bool, path string) (total, error) {
	var sum total
	var names []string
	var was []named
	var err error
	if d != nil {
		if names, err = allNames(d); err != nil {
			return sum, w.forgive(err) // names that were not read are not removed
		}
	}
	if !fresh {
		if was, err = w.rows(id); err != nil {
			return sum, err
		}
	}
	if w.only != "" && !under(path, w.only) {
		names, was = w.onward(path, names, was)
	}
	for len(names) > 0 || len(was) > 0 {
		var e entry
		var at place
		switch {
		case len(was) == 0 || len(names) > 0 && names[0] < was[0].name:
			at = place{path, names[0]}
		case len(names) == 0 || was[0].name < names[0]:
			at, e.was = place{path, was[0].name}, &was[0].row
		default:
			at, e.was = place{path, names[0]}, &was[0].row
		}
		if len(names) > 0 && names[0] == at.name {
			if e.now, err = w.look(d, names[0], at, e.was); err != nil {
				return sum, err
			}
			names = names[1:]
		}
		if e.was != nil {
			was = was[1:]
		}
		t, err := w.one(d, id, at, e)
		if err != nil {
			return sum, err
		}
		sum.add(t)
	}
	if d != nil {
		err = w.to.sized(id, sum)
	}
	return sum, err
}

// onward keeps of the content of a directory above w.only what leads there.
func (w *walk) onward(path string, names []string, was []named) ([]string, []named) {
	leads := func(name string) bool { return under(w.only, place{path, name}.path()) }
	names = slices.DeleteFunc(names, func(n string) bool { return !leads(n) })
	return names, slices.DeleteFunc(was, func(n named) bool { return !leads(n.name) })
}

// allNames gives the names in a directory, sorted. They are kept in memory, as
// rsync had to when it sent them.
func allNames(d *tree.Dir) (names []string, err error) {
	for err == nil {
		var batch []string
		batch, err = d.Names(namesBatch)
		names = append(names, batch...)
	}
	slices.Sort(names)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}

// named is a row with the name of its file.
type named struct {
	name string
	row
}

// rows gives what the rows have in a directory, sorted by name.
func (w *walk) rows(dir int64) ([]named, error) {
	// Not w.ctx: watching it costs more than the query, and the transaction ends
	// with it anyway.
	found, err := w.children.QueryContext(context.WithoutCancel(w.ctx), append([]any{dir}, w.args...)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var list []named
	for found.Next() {
		var n named
		if err := found.Scan(append([]any{&n.name}, n.scanInto()...)...); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, found.Err()
}

// look gives what is known of the file name of d; nil if it went away, as files
// of a live tree may.
//
// A file of the same inode and ctime is the one it was, and needs no second
// look: also owner and mode that fake-super keeps in an attribute, since setting
// one moves ctime on OpenZFS, with xattr=sa and with xattr=on.
func (w *walk) look(d *tree.Dir, name string, at place, was *row) (*row, error) {
	if len(at.dir)+1+len(at.name) > tree.MaxPath {
		w.unread++
		return nil, nil
	}
	m, err := d.Stored(name)
	if err == nil && was != nil && was.untouched(m) {
		return was, nil
	}
	if err == nil {
		m, err = d.Undo(name, m)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		// Mode 0 says that it is there, and could not be looked at.
		return &row{}, w.forgive(err)
	}
	return newRow(m), nil
}

// forgive counts what cannot be read for a reason that lies in the file; any
// other reason is given back.
func (w *walk) forgive(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("looking at the files: %w", err)
	}
	w.unread++
	return nil
}

// newRow gives the row of a file.
func newRow(m tree.Meta) *row {
	r := &row{mode: m.Mode, uid: m.UID, gid: m.GID, mtime: nano(m.MTime)}
	if r.isDir() {
		// The rest of a directory changes with what is done in it on the server.
		return r
	}
	r.size, r.ctime, r.ino, r.nlink = m.Size, nano(m.CTime), int64(m.Ino), int64(m.Nlink)
	switch r.kind() {
	case unix.S_IFBLK, unix.S_IFCHR:
		r.rdev = int64(uint64(m.Major)<<32 | uint64(m.Minor))
		r.size = 0
	case unix.S_IFLNK:
		r.target = []byte(m.Target)
		r.size = int64(len(m.Target))
	}
	return r
}

const nanos = int64(time.Second)

// nano gives nanoseconds of the Unix epoch, and for times that they cannot
// express, which a host may well claim, the nearest that they can.
func nano(t time.Time) int64 {
	switch s := t.Unix(); {
	case s > math.MaxInt64/nanos-1:
		return math.MaxInt64
	case s < math.MinInt64/nanos+1:
		return math.MinInt64
	}
	return t.UnixNano()
}
