package rsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"planb/internal/command"
)

// Compare holds restored files against a host's own, or against those of a
// snapshot on this machine. It changes nothing: it is a pull that only tells
// what it would do. A host that lets PlanB pull lets it compare, too, since the
// host is asked for the same thing: its paths are filter rules, not arguments.
type Compare struct {
	// Pull is how the host is reached, and what of a file is kept. Its Dest is
	// the directory with the restored files; Includes, Excludes, Tolerate and
	// MaxDelete do not matter.
	Pull Pull
	// Local is a directory to compare with in place of the host.
	Local string
	// Paths are those of the files to compare, the host's own, in raw bytes.
	Paths []string
}

// Difference is in what a restored file is not as the one it was held against.
type Difference struct {
	// Content also says that the size differs; Size and Time tell that the file
	// was changed since, as far as rsync can see it.
	Content, Size, Time bool
	// Mode, Owner (user or group), ACL and Xattr are the file's other attributes.
	Mode, Owner, ACL, Xattr bool
	// Other is a file that is something else there, such as a directory.
	Other bool
}

// Same says that nothing differs.
func (d Difference) Same() bool { return d == Difference{} }

// Attributes says that mode, owner, ACL or extended attributes differ.
func (d Difference) Attributes() bool { return d.Mode || d.Owner || d.ACL || d.Xattr }

// String names what differs, with commas between.
func (d Difference) String() string {
	var names []string
	for _, n := range []struct {
		name string
		is   bool
	}{
		{"content", d.Content},
		{"size", d.Size},
		{"time", d.Time},
		{"mode", d.Mode},
		{"owner", d.Owner},
		{"ACL", d.ACL},
		{"extended attributes", d.Xattr},
		{"kind", d.Other},
	} {
		if n.is {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// RunCompare calls seen for each of the paths that is on both sides; one that
// it is not called for is gone from the host, cannot be read there, or was not
// restored. The error is for what kept rsync from running at all, and for the
// cause of ctx's end; every other end is a Result, whose counts say nothing.
// A transfer that is Partial has seen what it could.
func RunCompare(ctx context.Context, c Compare, o RunOptions, seen func(path string, d Difference)) (Result, error) {
	rules := filepath.Join(c.Pull.WorkDir, "compare-filter")
	if err := os.WriteFile(rules, exactly(c.Paths).Bytes(), 0o600); err != nil {
		return Result{}, err
	}
	defer func() { _ = os.Remove(rules) }()
	argv, err := c.argv(rules)
	if err != nil {
		return Result{}, err
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	r := Result{Started: now()}
	log := newRunLog(o.Log, now)
	log.line("command", quoteArgv(argv))
	msgs := messages{dest: strings.TrimSuffix(c.Pull.Dest, "/"), result: &r, onLine: log.message}

	runCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := &itemReader{wanted: map[string]bool{}, seen: seen}
	for _, path := range c.Paths {
		out.wanted[path] = true
	}
	if o.StallAfter > 0 {
		stall := time.AfterFunc(o.StallAfter, func() { stop(errStalled) })
		defer stall.Stop()
		out.heard = func() { stall.Reset(o.StallAfter) }
	}
	pgid := 0
	err = command.Run(runCtx, command.Cmd{
		Argv: argv, Env: environment(), Stdout: out, Stderr: &msgs, Grace: grace,
		Started: func(pid int) { pgid = pid },
	})
	if endGroup(pgid) {
		err = errors.Join(err, waitGroup(pgid))
	}
	msgs.flush()
	r.Duration = now().Sub(r.Started)
	err = c.conclude(ctx, runCtx, err, &msgs, o.StallAfter)
	log.line("compared", fmt.Sprintf("%d of %d files, %s %s", out.found, len(c.Paths), r.State, r.Message))
	return r, err
}

func (c Compare) conclude(ctx, runCtx context.Context, err error, msgs *messages, stallAfter time.Duration) error {
	var failed *command.Error
	var code int
	var signal syscall.Signal
	if errors.As(err, &failed) {
		code, signal = failed.Code, failed.Signal
	}
	switch {
	case command.NotFound(err):
		return fmt.Errorf("rsync is not installed on the storage server: install rsync (%w)", err)
	case err == nil:
	case ctx.Err() != nil:
		*msgs.result = cancelled(*msgs.result, c.name(), code)
		return context.Cause(ctx)
	case errors.Is(context.Cause(runCtx), errStalled):
		r := msgs.result
		r.State, r.Type, r.Retry, r.Code = Failed, TypeStalled, true, -1
		r.Message = fmt.Sprintf("%s: no file was compared for %s", c.name(), stallAfter)
		return nil
	case failed == nil || code == -1 && signal == 0:
		return fmt.Errorf("run rsync: %w", err)
	}
	if c.Local != "" || c.Pull.Session == nil {
		msgs.conclude(c.name(), nil, code, signal)
	} else {
		msgs.conclude(c.name(), &c.Pull.Session.Target, code, signal)
	}
	return nil
}

func (c Compare) name() string {
	if c.Local != "" {
		return "compare"
	}
	return c.Pull.name()
}

func (c Compare) argv(rules string) ([]string, error) {
	p := c.Pull
	if !filepath.IsAbs(p.Dest) {
		return nil, fmt.Errorf("%q is not usable as a directory to compare: it must be an absolute path", p.Dest)
	}
	flags, err := CheckFlags(p.Flags)
	if err != nil {
		return nil, err
	}
	argv := append([]string{"rsync", "--dry-run", "--checksum"}, profile(p.Super, p.ACLs, p.Xattrs)...)
	// Of the names of one file rsync would read one alone, and take the others for
	// the same, whatever they hold on the other side.
	argv = append(argv, "--no-hard-links", "--8-bit-output", "--outbuf=L", "--info=name2", "--out-format="+itemMark+"%i %n")
	if p.Bandwidth > 0 {
		argv = append(argv, fmt.Sprintf("--bwlimit=%d", max(1, p.Bandwidth/1024)))
	}
	argv = append(argv, flags...)
	argv = append(argv, "--from0", "--filter=merge "+rules)
	source := filepath.Clean(c.Local) + "/"
	if c.Local == "" {
		if source, err = p.source(&argv); err != nil {
			return nil, err
		}
	}
	return append(argv, "--", source, filepath.Clean(p.Dest)+"/"), nil
}

// exactly makes the rules for these files and no others. What is below one that
// has become a directory is not taken.
func exactly(paths []string) Filter {
	var f Filter
	have := map[string]bool{}
	for _, path := range paths {
		var segments [][]letter
		names := strings.Split(strings.Trim(path, "/"), "/")
		for i, name := range names {
			segment := make([]letter, len(name))
			for j := range segment {
				segment[j] = letter{r: name[j]}
			}
			segments = append(segments, segment)
			end := "/"
			if i == len(names)-1 {
				end = ""
			}
			if rule := emit(segments, end); !have[rule] {
				have[rule] = true
				f.add("+", rule)
			}
		}
	}
	f.add("-", "*")
	return f
}

// itemMark begins the lines that RunCompare reads.
const itemMark = "planb="

// itemReader reads them. Names are as they are, but that rsync writes control
// characters, and a backslash that could pass for the start of such a one, as
// \#ooo.
type itemReader struct {
	wanted map[string]bool
	seen   func(path string, d Difference)
	heard  func()
	found  int

	partial []byte
}

// Write never fails.
func (r *itemReader) Write(b []byte) (int, error) {
	if r.heard != nil {
		r.heard()
	}
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte{'\n'})
		if len(r.partial)+len(line) <= maxLine {
			r.partial = append(r.partial, line...)
		}
		if !found {
			return n, nil
		}
		r.line(r.partial)
		r.partial, b = r.partial[:0], rest
	}
}

func (r *itemReader) line(line []byte) {
	// The code has eleven letters: what is done, to what, and nine of what
	// differs.
	text, ok := bytes.CutPrefix(line, []byte(itemMark))
	if !ok || len(text) < 13 || text[11] != ' ' {
		return
	}
	path := "/" + strings.TrimSuffix(unescape(string(text[12:])), "/") // a directory's ends in one
	if r.wanted[path] {
		delete(r.wanted, path)
		r.found++
		r.seen(path, difference(string(text[:11])))
	}
}

// difference reads an itemized change, as rsync(1) tells of it.
func difference(code string) Difference {
	if code[1] != 'f' || strings.HasSuffix(code, "+++++++++") {
		return Difference{Other: true}
	}
	d := Difference{
		Content: code[2] == 'c' || code[3] == 's',
		Size:    code[3] == 's', Time: code[4] == 't' || code[4] == 'T',
		Mode: code[5] == 'p', Owner: code[6] == 'o' || code[7] == 'g',
		ACL: code[9] == 'a', Xattr: code[10] == 'x',
	}
	return d
}
