package runs

import (
	"fmt"
	"slices"
	"time"

	"planb/internal/catalog"
	"planb/worker"
)

// stepView is one line of the timeline.
type stepView struct {
	// Name is the word for the step, Waited what a wait was for.
	Name, Waited string
	Started      time.Time
	Took         time.Duration
	// Tries counts from 1; Failure is how a try ended, Failed that none mended it.
	Tries   int32
	Failure string
	Failed  bool
	// Running says that it is under way: it took Took so far.
	Running bool
	// X and W place its bar on the timeline, in thousandths of the whole.
	X, W string
}

func (s stepView) class() string {
	switch {
	case s.Failed:
		return "bar bar-danger"
	case s.Running:
		return "bar bar-info"
	case s.Name == waitName:
		return "bar bar-secondary"
	case s.Failure != "":
		return "bar bar-warning"
	}
	return "bar bar-success"
}

const waitName = "wait"

// timeline places the steps of a run, and the one under way, between its start
// and its end, or now.
func timeline(r catalog.Run, steps []worker.Step, st *worker.Status, now time.Time) []stepView {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b worker.Step) int { return a.Started.Compare(b.Started) })
	end := now
	if r.Finished != nil {
		end = *r.Finished
	}
	begin := r.Started
	var out []stepView
	last := r.Started
	for _, s := range steps {
		v := stepView{
			Name: waitName, Waited: s.Waited, Started: s.Started, Took: s.Ended.Sub(s.Started),
			Tries: s.Tries, Failure: s.Failure, Failed: s.Failed,
		}
		if s.Activity != "" {
			v.Name, _ = worker.StepName(s.Activity)
		}
		out = append(out, v)
		if s.Started.Before(begin) {
			begin = s.Started
		}
		if s.Ended.After(end) {
			end = s.Ended // its record is not written yet
		}
		if s.Ended.After(last) {
			last = s.Ended
		}
	}
	if st != nil && !st.Ended && st.Activity != "" {
		v := stepView{Started: last, Took: max(0, now.Sub(last)), Tries: st.Attempt, Failure: st.Failure, Running: true}
		v.Name, _ = worker.StepName(st.Activity)
		out = append(out, v)
	}
	whole := end.Sub(begin).Seconds()
	for i := range out {
		x, w := 0.0, 1000.0
		if whole > 0 {
			x, w = out[i].Started.Sub(begin).Seconds()/whole*1000, out[i].Took.Seconds()/whole*1000
		}
		w = max(w, 4) // a short step is seen as well
		x = min(max(x, 0), 1000-w)
		out[i].X, out[i].W = fmt.Sprintf("%.1f", x), fmt.Sprintf("%.1f", w)
	}
	return out
}

// took gives how long a step took, to a tenth of a second when that tells more.
func took(d time.Duration) string {
	switch {
	case d < 50*time.Millisecond:
		return "< 0.1s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
