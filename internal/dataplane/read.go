package dataplane

import (
	"fmt"
	"net/http"
	"time"
)

// read sends the bytes of a regular file; a Range may ask for a part.
func (s *server) read(w http.ResponseWriter, r *request, tree *dir) error {
	p := r.query.Get("path")
	d, name, m, err := tree.find(p)
	if err != nil {
		return err
	}
	defer d.Close()
	if t := fileType(m.mode); t != TypeFile {
		esc, _ := Escape(p)
		if t == TypeSymlink {
			target, _ := Escape(m.target)
			return wrongType("%s is a symlink to %s, and links are not followed: give the path that it leads to", esc, target)
		}
		return wrongType("%s is a %s, not a regular file", esc, t)
	}
	f, err := d.openFile(name)
	if err != nil {
		return pathError(p, err)
	}
	defer f.Close()
	// What a host stored is never shown as a page of ours.
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	// The modification time is no validator here: the same path differs from
	// snapshot to snapshot, so conditional requests get no answer from it.
	http.ServeContent(w, r.Request, "", time.Time{}, f)
	if sw, ok := w.(*stallWriter); ok && sw.err != nil {
		return fmt.Errorf("send %s: %w", name, sw.err)
	}
	return nil
}

// stallWriter gives each write to a caller its own deadline, remembers whether
// an answer has begun, and the first error.
type stallWriter struct {
	http.ResponseWriter
	ctl     *http.ResponseController
	clock   func() time.Time
	stall   time.Duration
	started bool
	written int64
	err     error
}

func newStallWriter(w http.ResponseWriter, clock func() time.Time, stall time.Duration) *stallWriter {
	return &stallWriter{ResponseWriter: w, ctl: http.NewResponseController(w), clock: clock, stall: stall}
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
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
