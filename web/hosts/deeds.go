package hosts

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

// keepView is the page that asks for the label of a backup that is kept.
type keepView struct {
	host          ident.Host
	label, failed string
}

func (p Page) askKeep(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, keepPage(keepView{host: h.Ident()}))
}

func (p Page) backUp(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	label := strings.TrimSpace(r.PostFormValue("keep"))
	if r.PostForm.Has("keep") {
		if err := ident.CheckLabel(label); err != nil {
			text, _ := server.Told(err)
			return server.Render(w, r, http.StatusUnprocessableEntity, keepPage(keepView{host, label, text}))
		}
	}
	_, err = p.Operator.BackUp(r.Context(), host, operate.How{Keep: label})
	return p.begun(w, r, host, err, "The backup has begun.")
}

// begun leads to the host's page after something was started.
func (p Page) begun(w http.ResponseWriter, r *http.Request, host ident.Host, err error, done string) error {
	var running *worker.AlreadyRunningError
	if errors.As(err, &running) {
		return server.Redirect(w, r, base(host), ui.Warn, upper(running.Error())+".")
	}
	if err != nil {
		return p.told(w, r, base(host), err)
	}
	return server.Redirect(w, r, base(host)+"?begun=1", ui.Good, done)
}

func (p Page) verify(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	snap, err := targetSnap(r)
	if err != nil {
		return err
	}
	_, err = p.Operator.Verify(r.Context(), workflows.VerifyInput{Host: host, Snapshot: snap, Trigger: activities.TriggerManual})
	return p.begun(w, r, host, err, "The verification has begun.")
}

// probeView is what a look at a host found; report is nil before it.
type probeView struct {
	host   ident.Host
	report *activities.ProbeReport
	failed string
}

func (p Page) askProbe(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, probePage(probeView{host: h.Ident()}))
}

func (p Page) probe(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	v := probeView{host: h.Ident()}
	v.report, v.failed, err = p.look(r, workflows.ProbeInput{Host: v.host})
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, probePage(v))
}

// look probes, and gives what was found or why nothing was.
func (p Page) look(r *http.Request, in workflows.ProbeInput) (report *activities.ProbeReport, failed string, err error) {
	found, err := p.Operator.Probe(r.Context(), in)
	if err == nil {
		return &found, "", nil
	}
	var later *operate.UnderWayError
	var running *worker.AlreadyRunningError
	var away *operate.UnavailableError
	text, told := server.Told(err)
	switch {
	case errors.As(err, &later):
		return nil, "The host has not answered yet: it may be slow, or no worker of its storage server is running.", nil
	case errors.As(err, &running):
		return nil, "Somebody looks at this host just now: try again in a moment.", nil
	case errors.As(err, &away):
		return nil, upper(away.Error()) + ".", nil
	case told:
		return nil, text, nil
	}
	return nil, "", err
}

// decideView is the page that asks for a decision about what is suspect.
type decideView struct {
	host     ident.Host
	verdict  string
	snap     string
	suspects []string
}

func (p Page) askDecide(w http.ResponseWriter, r *http.Request) error {
	v, err := p.decision(r)
	if err != nil {
		return err
	}
	if len(v.suspects) == 0 {
		return server.Redirect(w, r, base(v.host), ui.Neutral, "Nothing of it is suspect now.")
	}
	return server.Render(w, r, http.StatusOK, decidePage(v))
}

// decision reads what is to be decided, and how.
func (p Page) decision(r *http.Request) (v decideView, err error) {
	h, err := p.found(r)
	if err != nil {
		return v, err
	}
	v.host, v.verdict = h.Ident(), r.FormValue("verdict")
	if v.verdict != activities.VerdictReject {
		v.verdict = activities.VerdictAccept
		if given := r.FormValue("verdict"); given != "" && given != v.verdict {
			return v, server.Invalid("A decision is accept or reject.")
		}
	}
	if v.snap, err = targetSnap(r); err != nil {
		return v, err
	}
	snaps, err := p.Catalog.Snapshots(r.Context(), v.host)
	for _, s := range snaps {
		if s.State == policy.StateSuspect && (v.snap == "" || v.snap == s.Name) {
			v.suspects = append(v.suspects, s.Name)
		}
	}
	return v, err
}

func (p Page) decide(w http.ResponseWriter, r *http.Request) error {
	if r.PostFormValue("verdict") == "" {
		return server.Invalid("A decision is accept or reject.")
	}
	v, err := p.decision(r)
	if err != nil {
		return err
	}
	done, err := p.Operator.Decide(r.Context(), workflows.DecideInput{
		Host: v.host, Verdict: v.verdict, Snapshot: v.snap, Actor: server.Who(r).Actor(),
	})
	word := map[string]string{activities.VerdictAccept: "Accepted ", activities.VerdictReject: "Rejected "}[v.verdict]
	told := word + strings.Join(done.Snapshots, ", ") + "."
	if done.Waiting > 0 {
		told += fmt.Sprintf(" Still suspect: %s, so nothing is pruned yet.", ui.Plural(done.Waiting, "snapshot", "snapshots"))
	}
	return p.begun(w, r, v.host, err, told)
}

// pruneView is what pruning would do, by what is on record of the pool.
type pruneView struct {
	host    catalog.Host
	keep    string
	plan    []policy.Decision
	asks    bool
	stopped string
}

func (v pruneView) removals() (list []policy.Decision) {
	for _, d := range v.plan {
		if !d.Keep {
			list = append(list, d)
		}
	}
	return list
}

func (p Page) askPrune(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	hp, err := p.Catalog.HostPolicy(r.Context(), host)
	if err != nil {
		return err
	}
	snaps, err := p.Catalog.Snapshots(r.Context(), host)
	if err != nil {
		return err
	}
	v := pruneView{
		host: hp.Host, keep: hp.Policy.Keep.Value.String(), plan: catalog.Decisions(snaps, hp.Policy, p.Now()),
		stopped: policy.PruningStopped(catalog.Planned(snaps, p.Now()), p.Now()),
	}
	v.asks = policy.AsksFirst(v.plan)
	return server.Render(w, r, http.StatusOK, prunePage(v))
}

func (p Page) prune(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	out, err := p.Operator.Prune(r.Context(), workflows.PruneInput{Host: h.Ident(), Agreed: r.PostFormValue("agreed") != "", Actor: server.Who(r).Actor()})
	if err == nil && out.Pruned.Withheld > 0 {
		return server.Refused(fmt.Sprintf("The plan would remove %d of %d snapshots, more than was agreed to: look at it again.", out.Pruned.Withheld, out.Pruned.Kept))
	}
	told := fmt.Sprintf("Removed %s, kept %d.", ui.Plural(len(out.Pruned.Removed), "snapshot", "snapshots"), out.Pruned.Kept)
	return p.begun(w, r, h.Ident(), err, told)
}
