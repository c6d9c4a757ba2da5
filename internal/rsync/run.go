package rsync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"planb/internal/command"
	"planb/internal/sshx"
)

// RunOptions say how to watch over a run.
type RunOptions struct {
	// Lock is inherited by rsync, so that it is held for as long as any
	// process of the run lives; see TryLock.
	Lock *os.File
	// OnProgress is called about twice a second, when there is news.
	OnProgress func(Progress)
	// OnSum is called for each file that a pull received.
	OnSum func(Sum)
	// Log gets the run's full log: the command line, what changed, what was
	// deleted, every message, the statistics and the result. Passwords are
	// never in it.
	Log io.Writer
	// StallAfter ends a transfer that made no progress for so long; 0 means
	// never.
	StallAfter time.Duration
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// grace is how long rsync may take to end by itself after it was told to.
const grace = 2 * time.Second

// Run pulls and says what came of it. The error is for what kept rsync from
// running at all, and for the cause of ctx's end; every other end, good or
// bad, is a Result. When Run returns, no process of it is left on this machine.
func Run(ctx context.Context, p Pull, o RunOptions) (Result, error) {
	filter, err := NewFilter(p.Includes, p.Excludes)
	if err != nil {
		return Result{}, err
	}
	tolerate, err := newMatcher(p.Tolerate)
	if err != nil {
		return Result{}, fmt.Errorf("tolerated paths: %w", err)
	}
	rules := filepath.Join(p.WorkDir, "filter")
	if err := os.WriteFile(rules, filter.Bytes(), 0o600); err != nil {
		return Result{}, err
	}
	defer func() { _ = os.Remove(rules) }()
	if p.nanoseconds, err = keepsNanoseconds(p.Dest); err != nil {
		return Result{}, fmt.Errorf("the dataset's data directory is not usable: %w", err)
	}
	argv, err := p.Argv(rules)
	if err != nil {
		return Result{}, err
	}
	t := transfer{
		name:     p.name(),
		argv:     argv,
		options:  o,
		messages: messages{dest: strings.TrimSuffix(p.Dest, "/"), tolerate: tolerate},
	}
	if p.Session != nil {
		t.target = &p.Session.Target
	}
	return t.run(ctx)
}

// keepsNanoseconds tries out, on the directory itself, whether its file system
// keeps the whole of a time. Where it does not (zfs-fuse), comparing nanoseconds
// would find every file changed, always.
func keepsNanoseconds(dir string) (bool, error) {
	before, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	odd := time.Unix(before.ModTime().Unix(), 123_456_789)
	if err := os.Chtimes(dir, time.Time{}, odd); err != nil {
		return false, err
	}
	after, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	return after.ModTime().Equal(odd), os.Chtimes(dir, time.Time{}, before.ModTime())
}

// name is how messages call the host.
func (p Pull) name() string {
	switch {
	case p.Session == nil:
		return p.Daemon.Address + "::" + p.Daemon.Module
	case p.Session.Target.Alias != "":
		return p.Session.Target.Alias
	}
	return p.Session.Target.Address
}

// transfer is one run of rsync, for a Pull or a Copy.
type transfer struct {
	name     string
	target   *sshx.Target
	argv     []string
	dir      string // to run in; empty for the program's own
	stdin    io.Reader
	options  RunOptions
	messages messages
	onItem   func(code, path string)
	// onOther takes a line of standard output that is not one of a transfer's,
	// and says whether it knew it.
	onOther func(line string) bool
	// onRaw takes a line of standard output before all others, see Parser.OnRaw.
	onRaw func(line string) bool

	pgid int
}

func (t *transfer) run(ctx context.Context) (Result, error) {
	if t.options.Now == nil {
		t.options.Now = time.Now
	}
	now := t.options.Now
	r := Result{Started: now()}
	log := newRunLog(t.options.Log, now)
	t.messages.result = &r
	t.messages.onLine = log.message
	parser := &Parser{
		OnItem:  func(code, path string) { log.item(code, path); r.Changes.count(code, path); t.item(code, path) },
		OnSum:   t.options.OnSum,
		OnOther: t.other, OnRaw: t.onRaw,
	}
	w := newWatch(t.options, parser)
	log.line("command", quoteArgv(t.argv))

	runCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cmd := command.Cmd{
		Argv: t.argv, Dir: t.dir, Env: environment(), Stdin: t.stdin,
		Stdout: w, Stderr: &t.messages, Grace: grace,
		Started: func(pid int) { t.pgid = pid; w.start(pid, stop) },
	}
	if t.options.Lock != nil {
		cmd.ExtraFiles = []*os.File{t.options.Lock}
	}
	err := command.Run(runCtx, cmd)
	w.finish()
	// command.Run waits for rsync's first process; nothing may outlive it.
	if endGroup(t.pgid) {
		err = errors.Join(err, waitGroup(t.pgid))
	}
	t.messages.flush()
	stats, statsErr := parser.Close()
	r.Stats = stats
	r.Progress = w.last()
	r.Duration = now().Sub(r.Started)
	err = t.conclude(ctx, runCtx, err, statsErr, parser, &r)
	log.finish(r, err)
	return r, err
}

func (t *transfer) item(code, path string) {
	if t.onItem != nil {
		t.onItem(code, path)
	}
}

// other hands lines of standard output on to what reads standard error: some
// warnings, the one about skipped deletions among them, come there.
func (t *transfer) other(line string) {
	if t.onOther == nil || !t.onOther(line) {
		t.messages.take(line)
	}
}

// conclude fills in what the end means.
func (t *transfer) conclude(ctx, runCtx context.Context, err, statsErr error, parser *Parser, r *Result) error {
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
		// Done, even if somebody wanted it to end at the last moment.
	case ctx.Err() != nil:
		*r = cancelled(*r, t.name, code)
		return context.Cause(ctx)
	case errors.Is(context.Cause(runCtx), errStalled):
		*r = stalled(*r, t.name, t.options.StallAfter, parser)
		return nil
	case failed == nil:
		return fmt.Errorf("run rsync: %w", err)
	case code == -1 && signal == 0:
		return fmt.Errorf("start rsync: %w", err)
	}
	t.messages.conclude(t.name, t.target, code, signal)
	if r.State != Failed && statsErr != nil {
		r.State, r.Type, r.Retry = Failed, TypeInternal, false
		r.Message = t.name + ": " + statsErr.Error()
		r.Remedy = "look at the run's log, and report the rsync version"
	}
	return nil
}

func cancelled(r Result, name string, code int) Result {
	r.State, r.Type, r.Code = Cancelled, TypeCancelled, code
	r.Message = name + ": cancelled"
	return r
}

func stalled(r Result, name string, after time.Duration, parser *Parser) Result {
	r.State, r.Type, r.Retry, r.Code = Failed, TypeStalled, true, -1
	where := "before the first file"
	switch from, to := parser.Stuck(); {
	case from == "" && r.Progress.Path != "":
		where = "after " + r.Progress.Path
	case from != "" && from == to:
		where = "at " + from
	case from != "":
		where = "between " + from + " and " + to
	}
	r.Message = fmt.Sprintf("%s: no progress for %s %s, so the transfer was ended", name, after, where)
	r.Remedy = "look on the host at the disk or mount that holds this path, and at what a hanging rsync has open: ls -l /proc/*/fd"
	return r
}

// waitGroup waits until the killed processes are gone; one in the middle of a
// disk access may take a moment.
func waitGroup(pgid int) error {
	deadline := time.Now().Add(grace)
	for len(groupMembers(pgid)) > 0 {
		if time.Now().After(deadline) {
			return fmt.Errorf("processes of group %d do not end", pgid)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
