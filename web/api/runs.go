package api

import (
	"net/http"
	"strconv"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
)

// LogNext is the header with where the next part of a log begins.
const LogNext = "Planb-Log-Next"

// longestWait bounds how long a request waits for more of a log.
const longestWait = 20 * time.Second

func (a API) runs() []endpoint {
	return []endpoint{
		{
			id: "listRuns", method: http.MethodGet, path: "/runs", summary: "List runs, the newest first, without their detail",
			right: access.View, scope: server.Anything,
			query: []param{
				text("host", "only runs of this host, as group/name"), text("group", "only runs of hosts of this group"),
				text("kind", "only backup, restore, prune, rename, delete or verify"), text("state", "only runs in this state"),
				number("limit", "at most so many"), text("after", "what the page before this one gave as next"),
			},
			answer: page[catalog.Run]{}, handle: a.listRuns,
		},
		{
			id: "showRun", method: http.MethodGet, path: "/runs/{run}", summary: "Show a run, by its id or the beginning of it",
			right: access.View, scope: a.ofRun, answer: catalog.Run{}, handle: a.showRun,
		},
		{
			id: "readRunLog", method: http.MethodGet, path: "/runs/{run}/log",
			summary: "Read a part of the log of a run; the header " + LogNext + " says where the next one begins",
			right:   access.View, scope: a.ofRun, media: "text/plain",
			query:  []param{number("offset", "where to begin, in bytes"), number("wait", "seconds to wait where there is nothing yet")},
			handle: a.runLog,
		},
		{
			id: "cancelRun", method: http.MethodPost, path: "/runs/{run}/cancel", summary: "Ask a run to end",
			right: access.Operate, scope: a.ofRun, handle: a.cancel,
		},
	}
}

// ofRun is the group of the run that the path names.
func (a API) ofRun(r *http.Request) (access.Scope, error) {
	run, err := a.Catalog.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		// That several begin like this is nothing to tell to everybody either.
		return access.Scope{}, server.ErrNotFound
	}
	host, err := ident.ParseHost(run.Host)
	if err != nil {
		return access.Scope{}, server.ErrNotFound
	}
	return access.OfGroup(host.Group), nil
}

func (a API) listRuns(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 50, most)
	if err != nil {
		return err
	}
	p := r.URL.Query()
	q := catalog.RunQuery{Visible: server.Sees(r), Group: p.Get("group"), Kind: p.Get("kind"), State: p.Get("state"), Limit: limit}
	if q.Group != "" {
		if err := ident.CheckGroup(q.Group); err != nil {
			return err
		}
	}
	if h := p.Get("host"); h != "" {
		if q.Host, err = ident.ParseHost(h); err != nil {
			return err
		}
	}
	if after := p.Get("after"); after != "" {
		place, err := catalog.ParseRunPlace(after)
		if err != nil {
			return err
		}
		q.After = &place
	}
	list, err := a.Catalog.RunPage(r.Context(), q)
	if err != nil {
		return err
	}
	var next *string
	if list.Next != nil {
		next = new(list.Next.String())
	}
	return answerPage(w, list.Runs, next)
}

func (a API) showRun(w http.ResponseWriter, r *http.Request) error {
	run, err := a.Catalog.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, run)
}

func (a API) runLog(w http.ResponseWriter, r *http.Request) error {
	run, err := a.Catalog.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	var offset, wait int64
	for name, into := range map[string]*int64{"offset": &offset, "wait": &wait} {
		if given := r.URL.Query().Get(name); given != "" {
			if *into, err = strconv.ParseInt(given, 10, 64); err != nil || *into < 0 {
				return bad(name + " is a number from 0 on.")
			}
		}
	}
	patience := min(time.Duration(min(wait, 60))*time.Second, longestWait)
	part, err := a.Files.Log(r.Context(), run, server.Who(r).Actor(), offset, patience)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set(LogNext, strconv.FormatInt(part.Next, 10))
	_, _ = w.Write(part.Data) // who is gone reads nothing
	return nil
}

func (a API) cancel(w http.ResponseWriter, r *http.Request) error {
	run, err := a.Catalog.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	if err := a.Operator.Cancel(r.Context(), run); err != nil {
		return err
	}
	return done(w)
}
