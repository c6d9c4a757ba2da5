package dataplane

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"planb/internal/index"
	"planb/internal/tree"
)

// Limits of an answer from an index, in lines.
const (
	DefaultIndexLimit = 10_000
	MaxIndexLimit     = 200_000
	MaxSizesDepth     = 20
)

// indexPatience is how long a caller waits for snapshots that are not indexed
// yet; then it is told which they are.
const indexPatience = 20 * time.Second

// indexLine is one line of an answer: something found, or what ends the answer.
// One without its end was cut off.
type indexLine struct {
	Item  any        `json:"item,omitempty"`
	End   *Answer    `json:"end,omitempty"`
	Error *wireError `json:"error,omitempty"`
}

// lines writes an answer as JSON lines.
type lines struct {
	w   http.ResponseWriter
	buf *bufio.Writer
	enc *json.Encoder
}

func newLines(w http.ResponseWriter) *lines {
	l := &lines{w: w, buf: bufio.NewWriterSize(w, 64<<10)}
	l.enc = json.NewEncoder(l.buf)
	l.enc.SetEscapeHTML(false)
	return l
}

// begin tells the caller that an answer comes, however long it takes. What
// fails from here on is told in the last line.
func (l *lines) begin() error {
	l.w.Header().Set("Content-Type", "application/x-ndjson")
	l.w.WriteHeader(http.StatusOK)
	return http.NewResponseController(l.w).Flush()
}

func (l *lines) item(v any) error { return l.enc.Encode(indexLine{Item: v}) }

// onIndex opens the index of the dataset that a request names around do.
func (s *server) onIndex(do func(*request, *index.Index, *lines) (Answer, error)) func(http.ResponseWriter, *request) error {
	return func(w http.ResponseWriter, r *request) error {
		dataset := r.query.Get("dataset")
		if s.Indexes == nil {
			return notFound("this storage server keeps no index")
		}
		out := newLines(w)
		err := s.Indexes.Read(r.Context(), dataset, indexPatience, func(x *index.Index, p index.Progress) error {
			out.w.Header().Set("Content-Type", "application/x-ndjson")
			end, err := do(r, x, out)
			if err != nil {
				return notYet(r, p, err)
			}
			end.Snapshots, end.Indexed, end.Missing = p.Snapshots, p.Indexed, p.Missing
			return errors.Join(out.enc.Encode(indexLine{End: &end}), out.buf.Flush())
		})
		if err == nil {
			return nil
		}
		err = indexError(dataset, err)
		if sw, ok := w.(*stallWriter); !ok || !sw.started {
			return err
		}
		s.Log.Warn("answer cut short", "op", r.op, "dataset", dataset, "error", err)
		we, _ := toWire(err)
		return errors.Join(out.enc.Encode(indexLine{Error: &we}), out.buf.Flush())
	}
}

// notYet says of a snapshot that the index does not have whether it will.
func notYet(r *request, p index.Progress, err error) error {
	if !errors.Is(err, index.ErrNotFound) {
		return err
	}
	for _, name := range []string{r.query.Get("snap"), r.query.Get("to")} {
		if slices.Contains(p.Missing, name) {
			return &Error{Kind: ErrNotReady, Err: err, Message: fmt.Sprintf(
				"snapshot %s is not indexed yet, %d of %d are: ask again in a while", name, p.Indexed, p.Snapshots)}
		}
	}
	return err
}

// indexError gives what the index says its kind here.
func indexError(dataset string, err error) error {
	var ours *Error
	var behind *index.BehindError
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &behind):
		return &Error{Kind: ErrNotReady, Message: err.Error(), Err: err}
	case errors.Is(err, index.ErrDamaged):
		return &Error{Kind: ErrNotReady, Message: "the index of " + dataset + " is damaged and is built anew: ask again in a while", Err: err}
	case errors.Is(err, index.ErrPattern):
		return &Error{Kind: ErrBadRequest, Message: err.Error(), Err: err}
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Kind: ErrNotFound, Message: "there is no dataset " + dataset, Err: err}
	case errors.Is(err, index.ErrNotFound):
		return &Error{Kind: ErrNotFound, Message: err.Error(), Err: err}
	}
	return treeError(err)
}

func (s *server) history(r *request, x *index.Index, out *lines) (Answer, error) {
	path := r.query.Get("path")
	list, err := x.History(r.Context(), path)
	if errors.Is(err, index.ErrNotFound) {
		esc, _ := tree.Escape(path)
		return Answer{}, notFound("no snapshot has %s", esc)
	}
	for _, v := range list {
		line := PathVersion{FileVersion: newFileVersion(v.File)}
		for _, s := range v.Snapshots {
			line.Snapshots = append(line.Snapshots, newSnapshotRef(s))
		}
		if err := out.item(line); err != nil {
			return Answer{}, err
		}
	}
	return Answer{}, err
}

func (s *server) find(r *request, x *index.Index, out *lines) (Answer, error) {
	limit, err := intParam(r.query, "limit", DefaultIndexLimit, 1, MaxIndexLimit)
	if err != nil {
		return Answer{}, err
	}
	p, err := index.ParsePattern(r.query.Get("pattern"), r.query.Get("ignore_case") == "1")
	if err != nil {
		return Answer{}, err
	}
	o := index.FindOptions{Snapshot: r.query.Get("snap"), Limit: int(limit)}
	more, err := x.Find(r.Context(), p, o, func(f index.Found) error { return out.item(newFoundPath(f)) })
	return Answer{More: more}, err
}

func (s *server) diff(r *request, x *index.Index, out *lines) (Answer, error) {
	limit, err := intParam(r.query, "limit", DefaultIndexLimit, 1, MaxIndexLimit)
	if err != nil {
		return Answer{}, err
	}
	from, to, path := r.query.Get("snap"), r.query.Get("to"), r.query.Get("path")
	if from == "" {
		return Answer{}, badRequest("say which snapshot to compare")
	}
	each := func(c index.Change) error { return out.item(newChangedPath(c)) }
	var sum index.Difference
	if to != "" {
		sum, err = x.Diff(r.Context(), from, to, path, int(limit), each)
	} else {
		sum, err = s.diffLive(r, x, out, int(limit), each)
	}
	return Answer{More: sum.More, Difference: newDifference(sum)}, err
}

func (s *server) diffLive(r *request, x *index.Index, out *lines, limit int, each func(index.Change) error) (sum index.Difference, err error) {
	from, path := r.query.Get("snap"), r.query.Get("path")
	if _, err := tree.Split(path); err != nil {
		return sum, err
	}
	view, err := s.Snapshots.OpenSnapshot(r.Context(), r.query.Get("dataset"), "")
	if err != nil {
		return sum, fmt.Errorf("open the live files: %w", err)
	}
	defer view.Close()
	// All files are looked at, and there may be nothing to say for minutes.
	if err := out.begin(); err != nil {
		return sum, err
	}
	return x.DiffLive(r.Context(), from, view.Path(), path, limit, each)
}

func (s *server) sizes(r *request, x *index.Index, out *lines) (Answer, error) {
	depth, err := intParam(r.query, "depth", 1, 0, MaxSizesDepth)
	if err != nil {
		return Answer{}, err
	}
	limit, err := intParam(r.query, "limit", DefaultListLimit, 1, MaxIndexLimit)
	if err != nil {
		return Answer{}, err
	}
	snap, path := r.query.Get("snap"), r.query.Get("path")
	list, err := x.Tree(r.Context(), snap, path, int(depth), int(limit))
	if errors.Is(err, index.ErrNotFound) && len(list) == 0 {
		esc, _ := tree.Escape(tree.Clean(path))
		return Answer{}, &Error{Kind: ErrNotFound, Message: fmt.Sprintf("snapshot %s has no %s", snap, esc), Err: err}
	}
	for _, z := range list {
		line := PathSize{FileVersion: newFileVersion(z.File), Depth: z.Depth, TotalBytes: z.Bytes, Files: z.Files}
		if err := out.item(line); err != nil {
			return Answer{}, err
		}
	}
	return Answer{}, err
}
