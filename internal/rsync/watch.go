package rsync

import (
	"errors"
	"sync"
	"time"
)

var errStalled = errors.New("no progress")

// A process that reads and writes less than this between two looks is idle:
// keep-alives and timers also cost some bytes.
const activityFloor = 64 << 10

// watch stands between rsync's output and the parser: it reports progress at a
// bearable rate and notices when there is none.
type watch struct {
	options RunOptions
	done    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex
	parser   *Parser   // guarded by mu
	changed  time.Time // guarded by mu: when progress last changed
	reported Progress
}

func newWatch(o RunOptions, p *Parser) *watch {
	return &watch{options: o, parser: p, changed: o.Now(), done: make(chan struct{})}
}

// Write takes standard output.
func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.parser.Progress
	n, err := w.parser.Write(b)
	if w.parser.Progress != before {
		w.changed = w.options.Now()
	}
	return n, err
}

// start begins to look after the process group; stop is called with errStalled
// when it makes no progress.
func (w *watch) start(pgid int, stop func(error)) {
	w.stopped = make(chan struct{})
	go func() {
		defer close(w.stopped)
		report := time.NewTicker(500 * time.Millisecond)
		defer report.Stop()
		look := make(<-chan time.Time)
		if w.options.StallAfter > 0 {
			t := time.NewTicker(min(max(w.options.StallAfter/10, 50*time.Millisecond), 10*time.Second))
			defer t.Stop()
			look = t.C
		}
		activity := groupActivity(pgid)
		for {
			select {
			case <-w.done:
				return
			case <-report.C:
				w.report()
			case <-look:
				if now := groupActivity(pgid); now-activity >= activityFloor {
					activity = now
					w.alive()
				}
				if w.idle() >= w.options.StallAfter {
					stop(errStalled)
					return
				}
			}
		}
	}()
}

// finish ends the watch and reports the last progress.
func (w *watch) finish() {
	close(w.done)
	if w.stopped != nil {
		<-w.stopped
	}
	w.report()
}

func (w *watch) last() Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.parser.Progress
	p.At = w.changed
	return p
}

func (w *watch) alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = w.options.Now()
}

func (w *watch) idle() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.options.Now().Sub(w.changed)
}

func (w *watch) report() {
	if w.options.OnProgress == nil {
		return
	}
	p := w.last()
	if p == w.reported {
		return
	}
	w.reported = p
	w.options.OnProgress(p)
}
