package dataplane

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"planb/internal/tree"
)

// read sends the bytes of a regular file; a Range may ask for a part.
func (s *server) read(w http.ResponseWriter, r *request, root *tree.Dir) error {
	p := r.query.Get("path")
	d, name, m, err := root.Find(p)
	if err != nil {
		return err
	}
	defer d.Close()
	if t := m.Type(); t != TypeFile {
		esc, _ := tree.Escape(p)
		if t == TypeSymlink {
			target, _ := tree.Escape(m.Target)
			return wrongType("%s is a symlink to %s, and links are not followed: give the path that it leads to", esc, target)
		}
		return wrongType("%s is a %s, not a regular file", esc, t)
	}
	f, err := d.OpenFile(name)
	if err != nil {
		return tree.PathError(p, err)
	}
	defer f.Close()
	// What a host stored is never shown as a page of ours.
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	// The modification time is no validator here: the same path differs from
	// snapshot to snapshot, so conditional requests get no answer from it.
	src := &source{File: f}
	http.ServeContent(w, r.Request, "", time.Time{}, src)
	if src.err != nil {
		return tree.PathError(p, src.err)
	}
	return nil
}

// source remembers why a file could not be read to its end, since ServeContent
// tells nobody.
type source struct {
	*os.File
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.File.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// stallWriter gives each write to a caller its own deadline and remembers whether
// an answer has begun and how much was sent.
type stallWriter struct {
	http.ResponseWriter
	ctl     *http.ResponseController
	stall   time.Duration
	started bool
	written int64
}

func newStallWriter(w http.ResponseWriter, stall time.Duration) *stallWriter {
	return &stallWriter{ResponseWriter: w, ctl: http.NewResponseController(w), stall: stall}
}

func (w *stallWriter) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *stallWriter) Write(p []byte) (int, error) {
	w.started = true
	// A recorder in a test knows no deadlines; the real server does.
	_ = w.ctl.SetWriteDeadline(time.Now().Add(w.stall))
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
