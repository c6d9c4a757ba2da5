package runs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker"
)

// runView is the page of one run.
type runView struct {
	liveView
	// Outcome is nil while the run is under way.
	Outcome *activities.Outcome
	// Findings are what its log says went wrong, and More how many there are
	// besides.
	Findings []finding
	More     int
	Evidence *catalog.Verification
	Log      logView
	// Temporal is the address of the run in Temporal's own pages, or empty.
	Temporal string
}

// lookPatience bounds asking Temporal and a storage server: the page is of use
// without them.
const lookPatience = 3 * time.Second

// liveView is the part of it that changes while the run is under way.
type liveView struct {
	Run   catalog.Run
	Steps []stepView
	// Status is nil when the run is over, or when Temporal was not asked.
	Status *worker.Status
	// Trouble says what could not be read of Temporal.
	Trouble string
}

// underWay says whether there is more to come.
func (v liveView) underWay() bool { return v.Run.Finished == nil }

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	if run.ID != r.PathValue("run") {
		return server.Redirect(w, r, "/runs/"+run.ID, ui.Good, "")
	}
	v := runView{Temporal: p.inTemporal(run)}
	ctx, cancel := context.WithTimeout(r.Context(), lookPatience)
	defer cancel()
	subject := server.Who(r).Actor()
	// Temporal and a storage server are asked side by side: either may be away.
	var wg sync.WaitGroup
	wg.Go(func() { v.liveView = p.look(ctx, run) })
	wg.Go(func() {
		v.Log = p.tail(ctx, run, subject)
		if v.Log.Missing == "" && run.Finished != nil && run.State != policy.StateOK {
			v.Findings, v.More = p.findings(ctx, run, subject)
		}
	})
	wg.Wait()
	var out activities.Outcome
	if json.Unmarshal(run.Detail, &out) == nil && out.Run != "" {
		v.Outcome = &out
	}
	if run.Kind == catalog.KindVerify {
		found, err := p.Catalog.Verifications(r.Context(), catalog.VerificationFilter{Visible: server.Sees(r), Run: run.ID})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			v.Evidence = &found[0]
		}
	}
	return server.Render(w, r, http.StatusOK, runPage(v))
}

// look asks Temporal how a run does.
func (p Pages) look(ctx context.Context, run catalog.Run) liveView {
	v := liveView{Run: run}
	if run.Finished == nil {
		st, err := p.Operator.Look(ctx, run.WorkflowID, run.ID)
		if err != nil {
			v.Trouble = "Temporal does not answer now, so that how far the run is cannot be told. What is under way goes on."
			return v
		}
		v.Status = &st
	}
	steps, err := p.Operator.Story(ctx, run)
	if err != nil {
		v.Trouble = "Temporal does not answer now, so that the steps of the run cannot be told."
	}
	v.Steps = timeline(run, steps, v.Status, p.Now())
	return v
}

// live answers with the part of the page that changes. When the run is over the
// whole page is to be loaded again.
func (p Pages) live(w http.ResponseWriter, r *http.Request) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	if run.Finished != nil && r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Refresh", "true")
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookPatience)
	defer cancel()
	return server.Render(w, r, http.StatusOK, livePart(p.look(ctx, run)))
}

// inTemporal gives the address of a run in Temporal's own pages.
func (p Pages) inTemporal(run catalog.Run) string {
	if p.TemporalUI == "" {
		return ""
	}
	// What is configured may lead to the list of a namespace's workflows.
	base, _, _ := strings.Cut(p.TemporalUI, "/namespaces/")
	return strings.TrimRight(base, "/") + "/namespaces/" + url.PathEscape(p.Namespace) +
		"/workflows/" + url.PathEscape(run.WorkflowID) + "/" + url.PathEscape(run.ID) + "/history"
}

func (p Pages) askCancel(w http.ResponseWriter, r *http.Request) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	if run.Finished != nil {
		return server.Redirect(w, r, "/runs/"+run.ID, ui.Neutral, "The run has ended already.")
	}
	return server.Render(w, r, http.StatusOK, cancelPage(run, ""))
}

// afterCancel says what is left when a run of this kind is cancelled.
func afterCancel(r catalog.Run) string {
	switch r.Kind {
	case catalog.KindBackup:
		return "The transfer ends within seconds and no snapshot is taken; earlier snapshots are as they were. What was transferred already need not be transferred again next time. The next start by schedule is not affected."
	case catalog.KindRestore:
		return "What was restored so far stays where it is; the rest is not restored."
	case catalog.KindPrune:
		return "Snapshots that were removed already are gone; the rest stay."
	}
	return "It ends within seconds."
}

func (p Pages) cancel(w http.ResponseWriter, r *http.Request) error {
	return p.act(w, r, p.Operator.Cancel, "The run was told to end. It does within seconds.")
}

func (p Pages) now(w http.ResponseWriter, r *http.Request) error {
	return p.act(w, r, p.Operator.EndWait, "The wait is over: the run tries again now.")
}

// act changes a run, and leads back to it; what cannot be done is told there.
func (p Pages) act(w http.ResponseWriter, r *http.Request, change func(context.Context, catalog.Run) error, done string) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	if err := change(r.Context(), run); err != nil {
		return err
	}
	return server.Redirect(w, r, "/runs/"+run.ID, ui.Good, done)
}
