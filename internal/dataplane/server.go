package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"planb/internal/tree"
)

// Options is what a handler needs.
type Options struct {
	Key Key
	// Snapshots opens the trees.
	Snapshots Opener
	// Indexes, when set, answer /v1/diff, /v1/find, /v1/history and /v1/sizes.
	Indexes Indexes
	// Storages are the parent datasets of this worker; only datasets beneath
	// one of them are served.
	Storages []string
	// RunsDir holds the log of each run as <run>.log.
	RunsDir string
	// Clock is time.Now unless given.
	Clock func() time.Time
	// Log is slog.Default unless given. Reads are logged with who asked.
	Log *slog.Logger
	// Stall is how long one write to a caller may take before the caller
	// counts as gone; two minutes unless given.
	Stall time.Duration
}

// DefaultStall is the Stall of Options unless given: a caller that takes nothing
// for so long must not hold a snapshot open.
const DefaultStall = 2 * time.Minute

type server struct{ Options }

// request is one call that has passed the checks of its token.
type request struct {
	*http.Request
	query  url.Values
	claims Claims
	op     Op
}

// Handler gives the service. All routes take GET only: /healthz for anyone, and
// with a token /v1/list, /v1/stat, /v1/read, /v1/tar (parameters dataset, snap,
// path), /v1/log (run, offset, wait), and, of the index of a dataset,
// /v1/history (path), /v1/find (pattern, ignore_case, snap, limit), /v1/diff
// (snap, to or none for the live files, path, limit) and /v1/sizes (snap, path,
// depth, limit).
func Handler(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stall == 0 {
		o.Stall = DefaultStall
	}
	s := &server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	mux.Handle("/v1/diff", s.op(OpDiff, s.onIndex(s.diff)))
	mux.Handle("/v1/find", s.op(OpFind, s.onIndex(s.find)))
	mux.Handle("/v1/history", s.op(OpHistory, s.onIndex(s.history)))
	mux.Handle("/v1/sizes", s.op(OpSizes, s.onIndex(s.sizes)))
	mux.Handle("/v1/list", s.op(OpList, s.onTree(s.list)))
	mux.Handle("/v1/log", s.op(OpLog, s.runLog))
	mux.Handle("/v1/read", s.op(OpRead, s.onTree(s.read)))
	mux.Handle("/v1/stat", s.op(OpStat, s.onTree(s.stat)))
	mux.Handle("/v1/tar", s.op(OpTar, s.onTree(s.tar)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, notFound("the data service has no %s", r.URL.Path))
	})
	return getOnly(mux)
}

// getOnly refuses all but GET, HEAD as well: the service streams, and has
// nothing to say in headers alone.
func getOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet {
			h.Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// op checks the token for one operation, logs, and answers errors that do may
// return before it wrote anything.
func (s *server) op(op Op, do func(http.ResponseWriter, *request) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, hr *http.Request) {
		start := s.Clock()
		w := newStallWriter(rw, s.Stall)
		r := &request{Request: hr, query: hr.URL.Query(), op: op}
		err := s.authorize(r)
		if err == nil {
			err = do(w, r)
		}
		level := slog.LevelDebug
		if op == OpRead || op == OpTar {
			level = slog.LevelInfo
		}
		args := []any{
			"op", op, "subject", r.claims.Subject, "dataset", r.query.Get("dataset"), "snap", r.query.Get("snap"),
			"path", r.query["path"], "run", r.query.Get("run"), "bytes", w.written, "duration", s.Clock().Sub(start),
		}
		var known *Error
		switch {
		case err == nil:
		case errors.Is(err, ErrDenied):
			level, args = slog.LevelWarn, append(args, "error", err, "from", hr.RemoteAddr)
		case !errors.As(err, &known) && hr.Context().Err() == nil:
			level, args = slog.LevelError, append(args, "error", err)
		default:
			args = append(args, "error", err)
		}
		s.Log.Log(hr.Context(), level, "data service", args...)
		if err == nil {
			return
		}
		if w.started {
			// Too late for an answer: cut the connection, so that the caller
			// cannot take what it has for all there is.
			panic(http.ErrAbortHandler)
		}
		writeError(w, err)
	})
}

// authorize verifies the token and that its claims cover what is asked.
func (s *server) authorize(r *request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return denied("the request carries no token")
	}
	c, err := Verify(s.Key, token, s.Clock())
	if err != nil {
		return &Error{Kind: ErrDenied, Message: err.Error(), Err: err}
	}
	r.claims = c
	if !c.Allows(r.op) {
		return denied("the token does not allow to %s", r.op)
	}
	if r.op == OpLog {
		run := r.query.Get("run")
		if !runName.MatchString(run) {
			return badRequest("%q is not the id of a run", run)
		}
		if !c.CoversRun(run) {
			return denied("the token is not for the log of run %s", run)
		}
		return nil
	}
	dataset, snap := r.query.Get("dataset"), r.query.Get("snap")
	if err := checkDataset(dataset); err != nil {
		return err
	}
	for _, name := range []string{snap, r.query.Get("to")} {
		if name != "" && !snapName.MatchString(name) {
			return badRequest("%q is not the name of a snapshot", name)
		}
	}
	if !c.CoversDataset(dataset) {
		return denied("the token is not for dataset %s", dataset)
	}
	for _, storage := range s.Storages {
		if dataset != storage && within(dataset, storage) {
			return nil
		}
	}
	return denied("dataset %s does not lie beneath a storage of this server", dataset)
}

// onTree opens the tree that a request names around do.
func (s *server) onTree(do func(http.ResponseWriter, *request, *tree.Dir) error) func(http.ResponseWriter, *request) error {
	return func(w http.ResponseWriter, r *request) (err error) {
		dataset, snap := r.query.Get("dataset"), r.query.Get("snap")
		view, err := s.Snapshots.OpenSnapshot(r.Context(), dataset, snap)
		if errors.Is(err, fs.ErrNotExist) {
			return &Error{Kind: ErrNotFound, Message: "there is no " + at(dataset, snap), Err: err}
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", at(dataset, snap), err)
		}
		defer func() {
			if cerr := view.Close(); cerr != nil {
				s.Log.Warn("close a view", "dataset", dataset, "snap", snap, "error", cerr)
			}
		}()
		root, err := tree.Open(view.Path())
		if errors.Is(err, fs.ErrNotExist) {
			return notFound("%s holds no files yet", at(dataset, snap))
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", at(dataset, snap), err)
		}
		defer root.Close()
		return treeError(do(w, r, root))
	}
}

func (s *server) stat(w http.ResponseWriter, r *request, root *tree.Dir) error {
	d, _, m, err := root.Find(r.query.Get("path"))
	if err != nil {
		return err
	}
	defer d.Close()
	return writeJSON(w, newEntry(tree.Clean(r.query.Get("path")), m))
}

var (
	// A run is named by a UUID.
	runName = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	// What zfs allows, but for spaces, and never a leading dash or dot.
	datasetPart = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)
	snapName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)
)

func checkDataset(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !datasetPart.MatchString(part) {
			return badRequest("%q is not the name of a dataset", name)
		}
	}
	return nil
}

// within says whether dataset is parent or lies beneath it.
func within(dataset, parent string) bool {
	return dataset == parent || strings.HasPrefix(dataset, parent+"/")
}

func at(dataset, snap string) string {
	if snap == "" {
		return "dataset " + dataset
	}
	return "snapshot " + dataset + "@" + snap
}

// intParam reads a whole number of a query, fallback where it is absent.
func intParam(q url.Values, name string, fallback, least, most int64) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, badRequest("%s=%q is not a number between %d and %d", name, text, least, most)
	}
	return n, nil
}

// sleep waits d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
