package api

import (
	"net/http"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/ident"
	"planb/web/server"
	"planb/workflows"
)

// Probe says how a host is looked at.
type Probe struct {
	// Pin pins the host keys of a host that was never met before.
	Pin bool `json:"pin,omitempty"`
}

// Decision is about what a guard found suspect.
type Decision struct {
	// Snapshot is the only one meant; empty means all that are suspect.
	Snapshot string `json:"snapshot,omitempty"`
}

func (a API) hostLife() []endpoint {
	const host = "/hosts/{group}/{host}"
	return []endpoint{
		{
			id: "renameHost", method: http.MethodPost, path: host + "/rename",
			summary: "Begin to give a host another name, or another group, which takes the right to manage that one, too; waits until no run works on it",
			right:   access.Manage, scope: server.InGroup, body: NewName{}, answer: Begun{}, handle: a.renameHost,
		},
		{
			id: "removeHost", method: http.MethodDelete, path: host,
			summary: "Begin to remove a host; its data stays for a grace time; waits until no run works on it",
			right:   access.Manage, scope: server.InGroup, answer: Begun{}, handle: a.removeHost,
			query: []param{truth("purge", "destroy its data now: there is no way back")},
		},
		{
			id: "probeHost", method: http.MethodPost, path: host + "/probe", summary: "Begin to look whether a host could be backed up",
			right: access.Operate, scope: server.InGroup, body: Probe{}, answer: Begun{}, handle: a.probeHost,
		},
		{
			id: "acceptHost", method: http.MethodPost, path: host + "/accept", summary: "Say that what a guard found suspect is as it should be",
			right: access.Operate, scope: server.InGroup, body: Decision{}, answer: Begun{}, handle: a.decide(activities.VerdictAccept),
		},
		{
			id: "rejectHost", method: http.MethodPost, path: host + "/reject", summary: "Say that what a guard found suspect is no good",
			right: access.Operate, scope: server.InGroup, body: Decision{}, answer: Begun{}, handle: a.decide(activities.VerdictReject),
		},
	}
}

func (a API) renameHost(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in NewName
	if err := read(r, &in); err != nil {
		return err
	}
	to, err := ident.ParseHost(in.To)
	if err != nil {
		return err
	}
	if !server.Who(r).May(access.Manage, access.OfGroup(to.Group)) {
		return server.Forbidden("You may not move hosts to the group " + to.Group + ": ask an admin of it.")
	}
	b, err := a.Operator.BeginRename(r.Context(), host, to, server.Who(r).Actor())
	return begun(w, b, err)
}

func (a API) removeHost(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	purge, err := truthOf(r, "purge")
	if err != nil {
		return err
	}
	b, err := a.Operator.BeginRemove(r.Context(), host, purge, server.Who(r).Actor())
	return begun(w, b, err)
}

func (a API) probeHost(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in Probe
	if err := read(r, &in); err != nil {
		return err
	}
	b, err := a.Operator.BeginProbe(r.Context(), workflows.ProbeInput{Host: host, Pin: in.Pin})
	return begun(w, b, err)
}

func (a API) decide(verdict string) server.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		host, err := server.HostOf(r)
		if err != nil {
			return err
		}
		var in Decision
		if err := read(r, &in); err != nil {
			return err
		}
		if in.Snapshot != "" {
			if _, err := ident.ParseHostSnap(host.String() + "@" + in.Snapshot); err != nil {
				return err
			}
		}
		b, err := a.Operator.BeginDecide(r.Context(), workflows.DecideInput{
			Host: host, Verdict: verdict, Snapshot: in.Snapshot, Actor: server.Who(r).Actor(),
		})
		return begun(w, b, err)
	}
}
