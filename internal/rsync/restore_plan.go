package rsync

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The files of a plan in WorkDir.
const (
	// planFile is written last: a plan without it is none.
	planFile = "plan.json"
	// planList has the paths to transfer, as --files-from wants them.
	planList = "plan.list"
	// planNew has those that rsync calls new, before it is known whether
	// something else is in their place.
	planNew = "new.list"
)

// restorePlan is what a restore is going to do, decided once for all tries.
type restorePlan struct {
	// Fresh says that the target held nothing: there is no list.
	Fresh  bool          `json:"fresh,omitempty"`
	Counts RestoreCounts `json:"counts"`
	// Listed is how many paths are in planList.
	Listed int64 `json:"listed"`
	// Conflicts counts files and links where a directory is to be, and the like.
	Conflicts int64 `json:"conflicts"`
}

func (r *restoring) file(name string) string { return filepath.Join(r.WorkDir, name) }

// makePlan reads the plan of an earlier try, or makes one. The Result is that of
// the rsync that compared.
func (r *restoring) makePlan(ctx context.Context) (Result, error) {
	text, err := os.ReadFile(r.file(planFile))
	if err == nil {
		r.resumed = true
		return Result{State: OK}, json.Unmarshal(text, &r.plan)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Result{}, err
	}
	if r.Session == nil && !r.DryRun {
		if r.plan.Fresh, err = r.targetIsEmpty(); err != nil {
			return Result{}, err
		}
	}
	res := Result{State: OK}
	if !r.plan.Fresh {
		if res, err = r.compare(ctx); err != nil || !usable(res) {
			return res, err
		}
	}
	if r.DryRun {
		return res, nil
	}
	if text, err = json.Marshal(r.plan); err != nil {
		return res, err
	}
	return res, writeFileSynced(r.file(planFile), text)
}

// targetIsEmpty says whether there is nothing at a local target but the
// directory for this restore's own files.
func (r *restoring) targetIsEmpty() (bool, error) {
	entries, err := os.ReadDir(r.Dest)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(r.temp()) {
			return false, nil
		}
	}
	return true, nil
}

// compare finds what is to be done, in two steps: rsync first tells what is new
// and what differs. But what it calls new may have something else in its place,
// a link where a directory is to be, say, and to follow that could lead
// anywhere; so it is asked once more about these alone.
func (r *restoring) compare(ctx context.Context) (Result, error) {
	fresh, err := create(r.file(planNew))
	if err != nil {
		return Result{}, err
	}
	defer fresh.Close()
	list, err := create(r.file(planList))
	if err != nil {
		return Result{}, err
	}
	defer list.Close()
	c := &comparing{restoring: r, fresh: fresh, list: list}
	res, err := r.runOne(ctx, r.compareArgv(), r.list, c.line)
	if err = errors.Join(err, c.err); err != nil || !usable(res) {
		return res, err
	}
	if res.Stats != nil {
		r.plan.Counts.Total = res.Stats.FilesTotal
	}
	if err := fresh.Flush(); err != nil {
		return res, err
	}
	if found, err := c.inTheWay(ctx); err != nil || !usable(found) {
		return found, err
	}
	if err := c.takeNew(); err != nil {
		return res, err
	}
	if res.State == Partial && r.DryRun {
		// What would fail is in the list of failed files.
		res.State = Warning
	}
	return res, list.sync()
}

// comparing sorts what rsync says of each path.
type comparing struct {
	*restoring
	fresh, list *listFile
	conflicts   map[string]bool
	err         error
}

// line takes one line of compareArgv's output.
func (c *comparing) line(line string) bool {
	code, size, name, ok := parseRawItem(line)
	if !ok {
		return false
	}
	path := rawPath(name)
	change := Change{Path: path, Size: size, Dir: code[1] == 'd'}
	switch {
	case code == "*deleting":
		change.Size, change.Dir = 0, strings.HasSuffix(name, "/")
		if c.ownTemp(path) {
			return true
		}
		c.plan.Counts.Deleted++
		c.tell(change, ActionDeleted)
	case path == "/":
		// The target itself is there, or is made; --dirs would take "./" for
		// all that is in it.
	case strings.TrimLeft(code[2:], "+") == "":
		c.keep(c.fresh.add(code[:2], size, path))
	case c.above(path), change.Dir && !c.Overwrite && onlyTimes(code):
		// What is above stays as it is; and a directory's time changes with
		// whatever is done in it.
	case c.Overwrite:
		c.keep(c.list.path(path))
		c.plan.Listed++
		if change.Dir && onlyTimes(code) {
			break
		}
		c.plan.Counts.Overwritten++
		c.countFile(code, size)
		c.tell(change, ActionOverwritten)
	default:
		c.plan.Counts.Kept++
		c.tell(change, ActionKept)
	}
	return true
}

// onlyTimes says whether nothing but the modification time differs.
func onlyTimes(code string) bool {
	return strings.Trim(strings.Replace(code[2:], "t", "", 1), ".") == ""
}

// countFile counts a regular file whose content is written.
func (c *comparing) countFile(code string, size int64) {
	if code[0] != '.' && code[1] == 'f' {
		c.plan.Counts.Files++
		c.plan.Counts.Bytes += size
	}
}

func (c *comparing) tell(change Change, action string) {
	if c.OnChange != nil {
		change.Action = action
		c.OnChange(change)
	}
}

func (c *comparing) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

// above says whether path is a directory above one of Paths, not asked for
// itself.
func (c *comparing) above(path string) bool {
	above := false
	for _, p := range c.Paths {
		p = filepath.Clean("/" + p)
		if path == p || isBelow(path, p) {
			return false
		}
		above = above || isBelow(p, path)
	}
	return above
}

// isBelow says whether path is in the directory dir.
func isBelow(path, dir string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") && path != dir
}

func (c *comparing) ownTemp(path string) bool {
	return c.Session == nil && strings.HasPrefix(path, "/"+TempPrefix)
}

// inTheWay finds what is there in the place of something new. When files may be
// overwritten, only what is above the paths asked for matters.
func (c *comparing) inTheWay(ctx context.Context) (Result, error) {
	c.conflicts = map[string]bool{}
	ask, err := create(c.file("ask.list"))
	if err != nil {
		return Result{}, err
	}
	defer os.Remove(c.file("ask.list"))
	defer ask.Close()
	n := 0
	err = c.eachNew(func(_ string, _ int64, path string) error {
		if c.Overwrite && !c.above(path) {
			return nil
		}
		n++
		return ask.path(path)
	})
	if err = errors.Join(err, ask.Flush()); err != nil || n == 0 {
		return Result{State: OK}, err
	}
	if _, err := ask.f.Seek(0, io.SeekStart); err != nil {
		return Result{}, err
	}
	res, err := c.runOneFrom(ctx, c.existsArgv(), ask.f, func(line string) bool {
		name, ok := strings.CutSuffix(line, " exists")
		if ok {
			c.conflicts[rawPath(name)] = true
		}
		return ok
	})
	if err != nil || !usable(res) {
		return res, err
	}
	for path := range c.conflicts {
		if c.above(path) {
			return res, &InTheWayError{Path: path}
		}
	}
	return Result{State: OK}, nil
}

// takeNew enters in the plan what is new and has nothing in its way.
func (c *comparing) takeNew() error {
	return c.eachNew(func(code string, size int64, path string) error {
		change := Change{Path: path, Size: size, Dir: code[1] == 'd'}
		if c.blocked(path) {
			c.plan.Counts.Kept++
			c.plan.Conflicts++
			c.tell(change, ActionKept)
			return nil
		}
		c.plan.Counts.New++
		c.plan.Listed++
		c.countFile(code, size)
		if c.DryRun {
			c.tell(change, ActionNew)
		}
		return c.list.path(path)
	})
}

// blocked says whether something else is in the place of path, or of a
// directory above it.
func (c *comparing) blocked(path string) bool {
	for len(c.conflicts) > 0 && path != "/" {
		if c.conflicts[path] {
			return true
		}
		path = filepath.Dir(path)
	}
	return false
}

// eachNew reads planNew.
func (c *comparing) eachNew(do func(code string, size int64, path string) error) error {
	if _, err := c.fresh.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReader(c.fresh.f)
	for {
		record, err := in.ReadString(0)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		head, path, _ := strings.Cut(strings.TrimSuffix(record, "\x00"), " ")
		size, err := strconv.ParseInt(head[2:], 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", c.file(planNew), err)
		}
		if err := do(head[:2], size, path); err != nil {
			return err
		}
	}
}

// listFile is a list of paths being written.
type listFile struct {
	*bufio.Writer
	f *os.File
}

func create(name string) (*listFile, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &listFile{bufio.NewWriter(f), f}, nil
}

// path adds one as --files-from wants it; the "./" keeps a name that begins with
// # or ; from being a comment.
func (l *listFile) path(path string) error {
	_, err := l.WriteString("." + path + "\x00")
	return err
}

// add adds one with what is known of it.
func (l *listFile) add(code string, size int64, path string) error {
	_, err := fmt.Fprintf(l, "%s%d %s\x00", code, size, path)
	return err
}

func (l *listFile) sync() error { return errors.Join(l.Flush(), l.f.Sync()) }

// Close closes the file; what is still in the buffer is dropped.
func (l *listFile) Close() error { return l.f.Close() }

// parseRawItem reads a line of rawItems: rsync's eleven letters, a size in
// bytes, a name as rsync escapes it.
func parseRawItem(line string) (code string, size int64, name string, ok bool) {
	if len(line) < 13 || line[11] != ' ' {
		return "", 0, "", false
	}
	code = strings.TrimRight(line[:11], " ")
	number, name, ok := strings.Cut(line[12:], " ")
	size, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || name == "" || size < 0 {
		return "", 0, "", false
	}
	if code != "*deleting" && (len(code) != 11 || !strings.Contains("<>ch.", code[:1]) || !strings.Contains("fdLDS", code[1:2])) {
		return "", 0, "", false
	}
	return code, size, name, true
}

// rawPath gives the host's own path for a name in rsync's output, with the bytes
// that it has there.
func rawPath(name string) string {
	name = strings.TrimSuffix(unescape(name), "/")
	if name == "." {
		return "/"
	}
	return "/" + name
}

// writeFileSynced writes a file that is there whole or not at all, also after
// the power went.
func writeFileSynced(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
