package api

import (
	"net/http"
	"slices"
	"time"

	"planb/internal/access"
	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/worker/operate"
	"planb/worker/schedules"
)

// staleDatasets are those that no host's files go to.
type staleDatasets struct {
	Items []operate.StaleDataset `json:"items"`
	Next  *string                `json:"next"`
	// Silent says of each storage server that could not be asked why.
	Silent []string `json:"silent"`
}

func (a API) fleet() []endpoint {
	limit, after := number("limit", "at most so many"), text("after", "what the page before this one gave as next")
	get := func(e endpoint) endpoint {
		e.method, e.right = http.MethodGet, access.View
		return e
	}
	return []endpoint{
		get(endpoint{
			id: "listSchedules", path: "/schedules", summary: "List when hosts are backed up, by name", scope: server.Anything,
			query:  []param{text("host", "only of this host, as group/name"), text("group", "only of hosts of this group"), limit, after},
			answer: page[operate.Schedule]{}, handle: a.listSchedules,
		}),
		get(endpoint{
			id: "checkSchedules", path: "/schedules/differences", summary: "Show where Temporal's schedules differ from the catalog, all on one page",
			answer: page[schedules.Change]{}, handle: a.checkSchedules,
		}),
		get(endpoint{
			id: "listStale", path: "/storages/stale", summary: "Ask the storage servers for datasets that no host's files go to, all on one page",
			answer: staleDatasets{}, handle: a.listStale,
		}),
		get(endpoint{
			id: "listVerifications", path: "/verifications", summary: "List the evidence of verifications, the newest first", scope: server.Anything,
			query: []param{
				text("host", "only of this host, as group/name"), text("group", "only of hosts of this group"),
				text("since", "only from this time on, as in 2026-11-01T00:00:00Z"), limit, after,
			},
			answer: page[catalog.Verification]{}, handle: a.listVerifications,
		}),
		get(endpoint{
			id: "listUsage", path: "/usage", summary: "List the usage samples of a month, by day and name", scope: server.Anything,
			query:  []param{text("month", "as in 2026-11"), limit, after},
			answer: page[catalog.UsageSample]{}, handle: a.listUsage,
		}),
		{
			id: "syncSchedules", method: http.MethodPost, path: "/schedules/sync", summary: "Make Temporal's schedules agree with the catalog",
			right: access.Operate, answer: page[schedules.Change]{}, handle: a.syncSchedules,
		},
	}
}

// hostOrGroup reads to which host or group a list is narrowed; whatever is not
// there, or not for the reader, is not found.
func (a API) hostOrGroup(r *http.Request) (host ident.Host, group string, err error) {
	group = r.URL.Query().Get("group")
	if name := r.URL.Query().Get("host"); name != "" {
		if host, err = ident.ParseHost(name); err != nil {
			return host, "", err
		}
		if group != "" && group != host.Group {
			return host, "", bad("host is of another group than group says.")
		}
		group = host.Group
	}
	return host, group, a.groupOf(r, group)
}

func (a API) listSchedules(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 100, most)
	if err != nil {
		return err
	}
	host, group, err := a.hostOrGroup(r)
	if err != nil {
		return err
	}
	var hosts []catalog.HostPolicy
	if host != (ident.Host{}) {
		one, err := a.Catalog.HostPolicy(r.Context(), host)
		if err != nil {
			return err
		}
		hosts = append(hosts, one)
	} else if hosts, err = a.Catalog.HostPolicies(r.Context(), catalog.HostFilter{Group: group}); err != nil {
		return err
	}
	var after ident.Host
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = ident.ParseHost(text); err != nil {
			return bad("after is not the next of a page of schedules: begin at the first.")
		}
	}
	slices.SortFunc(hosts, func(a, b catalog.HostPolicy) int { return a.Host.Ident().Compare(b.Host.Ident()) })
	hosts = slices.DeleteFunc(hosts, func(h catalog.HostPolicy) bool {
		return !server.Sees(r).Group(h.Host.Group) || h.Host.Ident().Compare(after) <= 0
	})
	var next *string
	if len(hosts) > limit {
		hosts = hosts[:limit]
		next = new(hosts[limit-1].Host.Ident().String())
	}
	rows, err := a.Operator.Schedules(r.Context(), hosts)
	if err != nil {
		return err
	}
	return answerPage(w, rows, next)
}

func (a API) checkSchedules(w http.ResponseWriter, r *http.Request) error {
	changes, err := a.Operator.Differences(r.Context())
	if err != nil {
		return err
	}
	return answerPage(w, changes, nil)
}

func (a API) syncSchedules(w http.ResponseWriter, r *http.Request) error {
	changes, err := a.Operator.Sync(r.Context())
	if err != nil {
		return err
	}
	return answerPage(w, changes, nil)
}

func (a API) listStale(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Operator.Stale(r.Context())
	out := staleDatasets{Items: []operate.StaleDataset{}, Silent: []string{}}
	out.Items = append(out.Items, list...)
	silent, err := operate.SilentServers(err)
	if err != nil {
		return err
	}
	for _, s := range silent {
		out.Silent = append(out.Silent, s.Error())
	}
	return server.WriteJSON(w, http.StatusOK, out)
}

func (a API) listVerifications(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 100, most)
	if err != nil {
		return err
	}
	p := r.URL.Query()
	f := catalog.VerificationFilter{Visible: server.Sees(r), Group: p.Get("group"), Limit: limit + 1}
	if name := p.Get("host"); name != "" {
		// Of a removed host there may be evidence still.
		if f.Host, err = ident.ParseHost(name); err != nil {
			return err
		}
	}
	if since := p.Get("since"); since != "" {
		if f.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return bad("since is a time as in 2026-11-01T00:00:00Z.")
		}
	}
	if after := p.Get("after"); after != "" {
		place, err := catalog.ParseRunPlace(after)
		if err != nil {
			return err
		}
		f.After = &place
	}
	list, err := a.Catalog.Verifications(r.Context(), f)
	if err != nil {
		return err
	}
	if len(list) == 0 && f.After == nil {
		if err := a.isThere(r, f.Host, f.Group); err != nil {
			return err
		}
	}
	var next *string
	if len(list) > limit {
		list = list[:limit]
		next = new(catalog.RunPlace{Started: list[limit-1].Started, ID: list[limit-1].Run}.String())
	}
	return answerPage(w, list, next)
}

// isThere is the error of an empty list about a host or group that is not there,
// or not for the reader.
func (a API) isThere(r *http.Request, host ident.Host, group string) error {
	if host != (ident.Host{}) {
		if !server.Sees(r).Group(host.Group) {
			return server.ErrNotFound
		}
		_, err := a.Catalog.Host(r.Context(), host)
		return err
	}
	return a.groupOf(r, group)
}

func (a API) listUsage(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, 100, most)
	if err != nil {
		return err
	}
	p := r.URL.Query()
	month := p.Get("month")
	if month == "" {
		month = a.Now().UTC().Format("2006-01")
	}
	first, end, err := billing.ParseMonth(month)
	if err != nil {
		return bad("month is written as in 2026-11.")
	}
	f := catalog.UsageFilter{First: string(first), Next: string(end), Visible: server.Sees(r), Limit: limit + 1}
	if after := p.Get("after"); after != "" {
		place, ok := catalog.ParseUsagePlace(after)
		if !ok {
			return bad("after is not the next of a page of usage samples: begin at the first.")
		}
		f.After = &place
	}
	list, err := a.Catalog.UsageSamples(r.Context(), f)
	if err != nil {
		return err
	}
	var next *string
	if len(list) > limit {
		list = list[:limit]
		next = new(list[limit-1].Place().String())
	}
	return answerPage(w, list, next)
}
