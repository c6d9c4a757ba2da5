package hosts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker"
	"planb/worker/operate"
)

const (
	// mostChosen bounds what one form may ask for: the largest page.
	mostChosen = 200
	// actsAtOnce are done side by side.
	actsAtOnce = 8
	// mostReason is how long a reason may be, in characters.
	mostReason = 300
)

// result is what came of one host.
type result struct {
	host ident.Host
	// run is the one that was started, or that is in the way.
	run string
	// refusal is why nothing was done; empty when it was.
	refusal string
}

// deed is something that can be done with hosts.
type deed struct {
	// done tells of n hosts that it was done.
	done func(n int) string
	do   func(ctx context.Context, host ident.Host) (run string, err error)
}

func (l List) deeds(reason string) map[string]deed {
	backup := func(how operate.How) func(context.Context, ident.Host) (string, error) {
		return func(ctx context.Context, h ident.Host) (string, error) { return l.Operator.BackUp(ctx, h, how) }
	}
	enable := func(yes bool) func(context.Context, ident.Host) (string, error) {
		return func(ctx context.Context, h ident.Host) (string, error) {
			return "", l.Operator.SetEnabled(ctx, h, yes, reason)
		}
	}
	count := func(one, many string) func(int) string {
		return func(n int) string { return ui.Plural(n, one, many) }
	}
	return map[string]deed{
		"backup":  {count("backup started.", "backups started."), backup(operate.How{})},
		"now":     {count("backup goes on without waiting.", "backups go on without waiting."), backup(operate.How{Now: true})},
		"enable":  {count("host enabled.", "hosts enabled."), enable(true)},
		"disable": {count("host disabled.", "hosts disabled."), enable(false)},
	}
}

// act does with the chosen hosts what the button says.
func (l List) act(w http.ResponseWriter, r *http.Request) error {
	do := r.PostFormValue("do")
	if do == "disable" {
		return server.Invalid("Disabling asks for a reason first: use the button of the list.")
	}
	return l.carryOut(w, r, do, "")
}

// carryOut does it, each host for itself, and tells what came of it.
func (l List) carryOut(w http.ResponseWriter, r *http.Request, do, reason string) error {
	d, known := l.deeds(reason)[do]
	if !known {
		return server.Invalid(fmt.Sprintf("There is nothing called %.40q that can be done with hosts.", do))
	}
	hosts, err := chosen(r.PostForm)
	if err != nil {
		return err
	}
	back := backTo(r.PostFormValue("back"))
	if len(hosts) == 0 {
		return server.Redirect(w, r, back, ui.Warn, "No host was chosen: tick the ones that are meant.")
	}
	results := l.each(r, hosts, d)
	done := 0
	for _, res := range results {
		if res.refusal == "" {
			done++
		}
	}
	if done == len(results) {
		return server.Redirect(w, r, back, ui.Good, d.done(done))
	}
	status := http.StatusOK
	if done == 0 {
		status = http.StatusConflict
	}
	return server.Render(w, r, status, resultPage(resultView{results: results, done: done, told: d.done(done), back: back}))
}

// each does d with every host, a few at a time.
func (l List) each(r *http.Request, hosts []ident.Host, d deed) []result {
	results := make([]result, len(hosts))
	slots := make(chan struct{}, actsAtOnce)
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = l.one(r, h, d)
		})
	}
	wg.Wait()
	return results
}

func (l List) one(r *http.Request, h ident.Host, d deed) result {
	res := result{host: h}
	who := server.Who(r)
	switch {
	case !who.Sees(h.Group):
		res.refusal = "There is no host " + h.String() + "."
		return res
	case !who.May(access.Operate, access.OfGroup(h.Group)):
		res.refusal = "You may look at the hosts of " + h.Group + ", but not operate them: ask an admin for the role operator."
		return res
	}
	var err error
	res.run, err = d.do(r.Context(), h)
	if err == nil {
		return res
	}
	var running *worker.AlreadyRunningError
	if errors.As(err, &running) {
		res.run = running.Run
	}
	var away *operate.UnavailableError
	text, told := server.Told(err)
	switch {
	case errors.As(err, &away):
		res.refusal = away.Error()
	case told || catalog.IsNotFound(err) || catalog.IsUnavailable(err):
		res.refusal = text
	default:
		l.Log.Error("acting on a host", "host", h.String(), "error", err)
		res.refusal = "This failed by a fault of PlanB: its log says more."
	}
	return res
}

// chosen reads the hosts that a form names, each once.
func chosen(form url.Values) ([]ident.Host, error) {
	var hosts []ident.Host
	seen := map[ident.Host]bool{}
	for _, name := range form["host"] {
		h, err := ident.ParseHost(name)
		if err != nil {
			return nil, err
		}
		if !seen[h] {
			seen[h] = true
			hosts = append(hosts, h)
		}
	}
	if len(hosts) > mostChosen {
		return nil, server.Invalid(fmt.Sprintf("That are %d hosts: choose at most %d at a time.", len(hosts), mostChosen))
	}
	return hosts, nil
}

// backTo gives where the form came from: a page of this site, or the list.
func backTo(path string) string {
	if path == "/" {
		return path
	}
	if path = server.SafePath(path); path != "/" {
		return path
	}
	return "/hosts"
}

// disableView is the page that asks before hosts are disabled.
type disableView struct {
	hosts          []ident.Host
	reason, failed string
	back           string
}

func (l List) askDisable(w http.ResponseWriter, r *http.Request) error {
	hosts, err := chosen(r.URL.Query())
	if err != nil {
		return err
	}
	back := backTo(r.FormValue("back"))
	if len(hosts) == 0 {
		return server.Redirect(w, r, back, ui.Warn, "No host was chosen: tick the ones that are meant.")
	}
	return server.Render(w, r, http.StatusOK, disablePage(disableView{hosts: hosts, back: back}))
}

func (l List) disable(w http.ResponseWriter, r *http.Request) error {
	reason := strings.Join(strings.Fields(r.PostFormValue("reason")), " ")
	var failed string
	switch {
	case reason == "":
		failed = "Give a reason, for whoever wonders later."
	case utf8.RuneCountInString(reason) > mostReason:
		failed = fmt.Sprintf("A reason has at most %d characters: shorten it.", mostReason)
	default:
		return l.carryOut(w, r, "disable", reason)
	}
	hosts, err := chosen(r.PostForm)
	if err != nil {
		return err
	}
	v := disableView{hosts: hosts, reason: reason, failed: failed, back: backTo(r.PostFormValue("back"))}
	return server.Render(w, r, http.StatusUnprocessableEntity, disablePage(v))
}
