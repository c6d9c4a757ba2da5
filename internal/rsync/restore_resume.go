package rsync

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// The files of a try that goes on, in WorkDir.
const (
	// resumeRules are filter rules that leave strangers out of what is fresh.
	resumeRules = "strangers"
	// resumeList is planList without them.
	resumeList = "resume.list"
)

// findStrangers leaves out of a local restore that goes on what somebody put at
// the target since it began, whatever time that has. The files of earlier tries
// are known by this: rsync gives each its name when it is whole, with its size
// and its time, so that what differs in these is none of them.
func (r *restoring) findStrangers(ctx context.Context) (Result, error) {
	if err := os.Remove(r.file(resumeRules)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Result{}, err
	}
	fresh, err := create(r.file(planNew))
	if err != nil {
		return Result{}, err
	}
	defer fresh.Close()
	c := &comparing{restoring: r, fresh: fresh}
	var changed []Change
	res, err := r.compareAgain(ctx, func(line string) bool {
		code, size, name, ok := parseRawItem(line)
		change := Change{Path: rawPath(name), Size: size}
		switch {
		case !ok || change.Path == "/":
		case strings.TrimLeft(code[2:], "+") == "":
			c.keep(c.fresh.add(code[:2], size, change.Path))
		case code[0] != '.' && code[1] != 'd':
			changed = append(changed, change)
			r.uncount(code, size)
		}
		return ok
	})
	if err = errors.Join(err, c.err); err != nil || !usable(res) {
		return res, err
	}
	if err := fresh.Flush(); err != nil {
		return res, err
	}
	if found, err := c.inTheWay(ctx); err != nil || !usable(found) {
		return found, err
	}
	err = c.eachNew(func(code string, size int64, path string) error {
		if c.blocked(path) {
			r.plan.Conflicts++
			r.uncount(code, size)
			c.tell(Change{Path: path, Size: size, Dir: code[1] == 'd'}, ActionKept)
		}
		return nil
	})
	if err != nil {
		return res, err
	}
	for _, change := range changed {
		c.conflicts[change.Path] = true
		c.tell(change, ActionKept)
	}
	return Result{State: OK}, r.leaveOut(c)
}

// compareAgain asks rsync what of the plan is not at the target as it is to be.
func (r *restoring) compareAgain(ctx context.Context, onRaw func(string) bool) (Result, error) {
	if r.plan.Fresh {
		argv := append(r.base(r.letters()), "--dry-run", rawItems)
		return r.runOne(ctx, r.ends(argv), r.list, onRaw)
	}
	list, err := os.Open(r.file(planList))
	if err != nil {
		return Result{}, err
	}
	defer list.Close()
	argv := append(r.base(r.letters()), "--no-recursive", "--dirs", "--no-implied-dirs", "--dry-run", rawItems)
	return r.runOneFrom(ctx, r.ends(argv), list, onRaw)
}

// uncount takes something from what this restore writes. Of what is fresh, rsync
// itself counts at the end.
func (r *restoring) uncount(code string, size int64) {
	n := &r.plan.Counts
	n.Kept++
	if r.plan.Fresh {
		return
	}
	n.New--
	if code[1] == 'f' {
		n.Files--
		n.Bytes -= size
	}
}

// leaveOut keeps what c found from being transferred.
func (r *restoring) leaveOut(c *comparing) error {
	if r.plan.Fresh {
		var excludes []string
		for path := range c.conflicts {
			excludes = append(excludes, literally.Replace(path))
		}
		filter, err := NewFilter(nil, excludes)
		if err != nil {
			return err
		}
		return os.WriteFile(r.file(resumeRules), filter.Bytes(), 0o600)
	}
	text, err := os.ReadFile(r.file(planList))
	if err != nil {
		return err
	}
	list, err := create(r.file(resumeList))
	if err != nil {
		return err
	}
	defer list.Close()
	for record := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		if path := strings.TrimPrefix(record, "."); !c.blocked(path) {
			c.keep(list.path(path))
		}
	}
	return errors.Join(c.err, list.Flush())
}

// literally makes the pattern that matches a path and nothing else.
var literally = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
