package dataplane

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"

	"planb/internal/tree"
)

// Limits of one page of a listing, in entries.
const (
	DefaultListLimit = 1000
	MaxListLimit     = 100_000
)

// namesBatch is how many names are read from a directory at once.
const namesBatch = 1024

// listLine is one line of a listing: an entry, or what ends it. A listing
// without its end was cut off.
type listLine struct {
	Entry *Entry     `json:"entry,omitempty"`
	End   *listEnd   `json:"end,omitempty"`
	Error *wireError `json:"error,omitempty"`
}

// listEnd ends a page. Next is the raw name after which the next page starts,
// absent on the last one.
type listEnd struct {
	Next []byte `json:"next,omitempty"`
}

// list streams one page of a directory as JSON lines, by the bytes of the names.
// A path that is not a directory lists itself, as ls does.
func (s *server) list(w http.ResponseWriter, r *request, root *tree.Dir) error {
	limit, err := intParam(r.query, "limit", DefaultListLimit, 1, MaxListLimit)
	if err != nil {
		return err
	}
	p := tree.Clean(r.query.Get("path"))
	d, name, m, err := root.Find(r.query.Get("path"))
	if err != nil {
		return err
	}
	defer d.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	buf := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if m.Type() != TypeDir {
		e := newEntry(p, m)
		return errors.Join(enc.Encode(listLine{Entry: &e}), enc.Encode(listLine{End: &listEnd{}}), buf.Flush())
	}
	sub, err := d.OpenDir(name)
	if err != nil {
		return tree.PathError(p, err)
	}
	defer sub.Close()
	names, more, err := page(sub, r.query.Get("after"), int(limit))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.Context().Err(); err != nil {
			return err
		}
		e := entryOf(sub, p, name)
		if err := enc.Encode(listLine{Entry: &e}); err != nil {
			return err
		}
	}
	end := &listEnd{}
	if more {
		end.Next = []byte(names[len(names)-1])
	}
	return errors.Join(enc.Encode(listLine{End: end}), buf.Flush())
}

// entryOf gives the entry of name in the directory d of path p.
func entryOf(d *tree.Dir, p, name string) Entry {
	full := path.Join(p, name)
	m, err := d.Meta(name)
	if err != nil {
		return brokenEntry(full, err)
	}
	return newEntry(full, m)
}

// page gives the first limit names after the given one, sorted, and whether
// there are more. It never remembers more than twice the limit, however many
// names the pulled host put into the directory.
func page(d *tree.Dir, after string, limit int) (names []string, more bool, err error) {
	trim := func() {
		slices.Sort(names)
		if len(names) > limit {
			clear(names[limit:])
			names, more = names[:limit], true
		}
	}
	for {
		batch, err := d.Names(namesBatch)
		for _, name := range batch {
			if name > after {
				names = append(names, name)
			}
		}
		if len(names) >= 2*limit+namesBatch {
			trim()
		}
		if errors.Is(err, io.EOF) {
			trim()
			return names, more, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
