package fleet

import (
	"context"
	"net/http"
	"sync"
	"time"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
	"planb/worker"
)

// running is the part of the page that says what is under way.
type running struct {
	group string
	runs  []runningRun
	// more says that there are runs that are not listed.
	more bool
	// away says that Temporal does not tell how they do.
	away bool
}

// runningRun is a run under way.
type runningRun struct {
	catalog.Run
	status worker.Status
	// left is how long it will take from now; 0 when nobody can say.
	left time.Duration
}

func (p Pages) readRunning(r *http.Request) (running, error) {
	v := running{group: r.FormValue("group")}
	list, err := p.catalog.RunPage(r.Context(), catalog.RunQuery{
		Visible: server.Sees(r), Group: v.group, UnderWay: true, State: policy.StateRunning, Limit: mostRunning,
	})
	if err != nil {
		return v, err
	}
	v.more = list.Next != nil
	var hosts []string
	for _, run := range list.Runs {
		if run.HostID != "" {
			hosts = append(hosts, string(run.HostID))
		}
	}
	typical, err := p.catalog.Typical(r.Context(), hosts)
	if err != nil {
		return v, err
	}
	var statuses map[string]worker.Status
	statuses, v.away = p.progress.of(r.Context(), list.Runs)
	for _, run := range list.Runs {
		status := statuses[run.ID]
		took := time.Duration(0)
		if run.Kind == catalog.KindBackup {
			took = typical[string(run.HostID)]
		}
		v.runs = append(v.runs, runningRun{run, status, timeLeft(status.Progress, p.now().Sub(run.Started), took)})
	}
	return v, nil
}

// timeLeft is how long a transfer will take from now: by what is left and how
// fast it goes where rsync knows the whole, else by how long the host's backups
// take; 0 when neither is known.
func timeLeft(p *activities.Progress, been, typical time.Duration) time.Duration {
	if p != nil && p.TotalKnown && p.Percent > 0 && p.Percent < 100 && p.Rate > 0 {
		rest := float64(p.Bytes) * float64(100-p.Percent) / float64(p.Percent)
		return time.Duration(rest / float64(p.Rate) * float64(time.Second)).Round(time.Second)
	}
	return max(0, typical-been)
}

// progress asks Temporal how runs do, for all readers together: however many
// have the page open, each run is looked at once in a while.
type progress struct {
	temporal Temporal
	now      func() time.Time
	mu       sync.Mutex // also held while looking: the others wait for that answer
	seen     map[string]looked
	// awayUntil is when Temporal is asked again after it did not answer.
	awayUntil time.Time
}

type looked struct {
	at     time.Time
	status worker.Status
}

const (
	// lookEvery is how old an answer may be, less than the page asks.
	lookEvery = 3 * time.Second
	// lookPatience bounds one look at all runs; a page does without.
	lookPatience = 2 * time.Second
	// awayFor is how long Temporal is left alone after it did not answer.
	awayFor = 15 * time.Second
	// looksAtOnce bounds the calls that are open together.
	looksAtOnce = 8
)

func newProgress(t Temporal, now func() time.Time) *progress {
	return &progress{temporal: t, now: now, seen: map[string]looked{}}
}

// of gives the status of runs, by their ids; away says that some are missing
// because Temporal does not answer.
func (p *progress) of(ctx context.Context, runs []catalog.Run) (found map[string]worker.Status, away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for id, l := range p.seen {
		if now.Sub(l.at) >= lookEvery || l.at.After(now) {
			delete(p.seen, id)
		}
	}
	away = now.Before(p.awayUntil)
	if !away {
		away = !p.look(ctx, runs, now)
	}
	found = map[string]worker.Status{}
	for _, run := range runs {
		if l, ok := p.seen[run.ID]; ok {
			found[run.ID] = l.status
		}
	}
	return found, away && len(found) < len(runs)
}

// look looks at the runs that nobody has looked at of late, and says whether
// Temporal answered.
func (p *progress) look(ctx context.Context, runs []catalog.Run, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	type answer struct {
		run    string
		status worker.Status
		err    error
	}
	answers := make(chan answer)
	slots := make(chan struct{}, looksAtOnce)
	asked := 0
	for _, run := range runs {
		if _, known := p.seen[run.ID]; known {
			continue
		}
		asked++
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			status, err := p.temporal.Look(ctx, run.WorkflowID, run.ID)
			answers <- answer{run.ID, status, err}
		}()
	}
	well := true
	for range asked {
		a := <-answers
		if a.err != nil {
			well = false
			continue
		}
		p.seen[a.run] = looked{now, a.status}
	}
	if !well && ctx.Err() == nil || ctx.Err() == context.DeadlineExceeded {
		p.awayUntil = now.Add(awayFor)
	}
	return well
}

// doing says in words what a run is, and what it does now.
func (r runningRun) doing() string {
	step, _ := worker.StepName(r.status.Activity)
	switch {
	case step == "":
		return r.Kind
	case r.status.Waiting:
		return r.Kind + ", waits for a free slot to " + step
	}
	return r.Kind + ", " + step
}
