package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/worker"
)

const (
	// lookEvery is how often a command that waits asks how it goes.
	lookEvery = 500 * time.Millisecond
	// tellEvery is how often it says so where there is no terminal to redraw.
	tellEvery = 30 * time.Second
	// nobodyAfter is when a step that nobody took is mentioned.
	nobodyAfter = 10 * time.Second
)

// follow shows the progress of a run until it has ended: redrawn on a
// terminal, in plain lines elsewhere.
func (a *app) follow(c *ucli.Context, s startedRun) error {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	tc, err := a.temporal(c)
	if err != nil {
		return err
	}
	w := &watcher{app: a, run: s, runs: store, began: time.Now()}
	err = worker.Watch(ctx, tc, s.workflowID, s.run, lookEvery, func(st worker.Status) { w.see(ctx, st) })
	w.clear()
	return err
}

// watcher says what a run does, and only when there is news.
type watcher struct {
	app  *app
	run  startedRun
	runs interface {
		Run(ctx context.Context, prefix string) (catalog.Run, error)
	}
	began  time.Time
	said   string
	saidAt time.Time
	drawn  bool
	alone  time.Time
}

func (w *watcher) see(ctx context.Context, st worker.Status) {
	if st.Ended {
		return
	}
	line := w.line(ctx, st)
	if line == "" {
		return
	}
	if w.app.terminal {
		fmt.Fprintf(w.app.stderr, "\r\033[K%s", cut(line, 110))
		w.drawn = true
		return
	}
	step, again := st.Activity, tellEvery
	if step == "" {
		step, again = line, time.Hour // a wait is news once
	}
	if step == w.said && time.Since(w.saidAt) < again {
		return
	}
	w.said, w.saidAt = step, time.Now()
	fmt.Fprintln(w.app.stderr, line)
}

func (w *watcher) clear() {
	if w.drawn {
		fmt.Fprint(w.app.stderr, "\r\033[K")
	}
}

func (w *watcher) line(ctx context.Context, st worker.Status) string {
	head := w.run.host.String() + ": "
	if st.Activity == "" {
		// No step is under way: the run waits, or goes from one to the next.
		r, err := w.runs.Run(ctx, w.run.run)
		if err != nil || r.State != policy.StateWaiting || r.NextTry == nil {
			return ""
		}
		return head + fmt.Sprintf("waiting: %s; next try at %s, or now with planb backup --now %s",
			r.Reason, r.NextTry.Local().Format("15:04"), w.run.host)
	}
	step, known := worker.StepName(st.Activity)
	if !known {
		return ""
	}
	switch {
	case st.Failure != "":
		return head + fmt.Sprintf("%s, try %d: %s", step, st.Attempt, st.Failure)
	case st.Waiting:
		if w.alone.IsZero() {
			w.alone = time.Now()
		}
		if time.Since(w.alone) < nobodyAfter {
			return head + step
		}
		return head + step + ": waiting for a free worker (is planb worker running on its storage server?)"
	}
	w.alone = time.Time{}
	if st.Progress == nil {
		return head + step
	}
	return head + step + " " + describe(*st.Progress)
}

// describe puts a transfer's progress in words.
func describe(p activities.Progress) string {
	parts := []string{size(p.Bytes), fmt.Sprintf("%d files", p.Files)}
	if p.Rate > 0 {
		parts = append(parts, size(p.Rate)+"/s")
	}
	if p.Percent > 0 {
		parts = append(parts, fmt.Sprintf("%d %%", p.Percent))
	}
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	return strings.Join(parts, ", ")
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

func count(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
