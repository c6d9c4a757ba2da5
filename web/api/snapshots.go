package api

import (
	"errors"
	"net/http"
	"time"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/worker/operate"
	"planb/workflows"
)

// Hold says why a snapshot is held, and until when.
type Hold struct {
	Reason string `json:"reason"`
	// Until is the last day, as in 2027-06-30, in the host's time zone; empty
	// for a hold that does not end by itself.
	Until string `json:"until,omitempty"`
}

func (a API) snapshots() []endpoint {
	const all = "/hosts/{group}/{host}/snapshots"
	const one = all + "/{snapshot}"
	return []endpoint{
		{
			id: "listSnapshots", method: http.MethodGet, path: all, summary: "List the snapshots of a host, the oldest first, all on one page",
			right: access.View, scope: server.InGroup, answer: page[catalog.Snapshot]{}, handle: a.listSnapshots,
		},
		{
			id: "holdSnapshot", method: http.MethodPost, path: one + "/hold", summary: "Keep a snapshot from being removed",
			right: access.Operate, scope: server.InGroup, body: Hold{}, handle: a.hold,
		},
		{
			id: "releaseSnapshot", method: http.MethodPost, path: one + "/release", summary: "Take a hold back",
			right: access.Manage, scope: server.InGroup, handle: a.change(activities.ChangeRelease),
		},
		{
			id: "removeSnapshot", method: http.MethodDelete, path: one, summary: "Remove a snapshot for good",
			right: access.Manage, scope: server.InGroup, handle: a.change(activities.ChangeRemove),
		},
	}
}

func (a API) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	list, err := a.Catalog.Snapshots(r.Context(), host)
	if err != nil {
		return err
	}
	return answerPage(w, list, nil)
}

// target is the snapshot that the path names.
func target(r *http.Request) (ident.HostSnap, error) {
	t, err := ident.ParseHostSnap(r.PathValue("group") + "/" + r.PathValue("host") + "@" + r.PathValue("snapshot"))
	if err != nil || t.Snapshot == "" {
		return t, server.ErrNotFound
	}
	return t, nil
}

func (a API) hold(w http.ResponseWriter, r *http.Request) error {
	t, err := target(r)
	if err != nil {
		return err
	}
	var in Hold
	if err := read(r, &in); err != nil {
		return err
	}
	change := workflows.ChangeSnapshotInput{Change: activities.ChangeHold, Reason: in.Reason}
	if in.Until != "" {
		effective, err := a.Catalog.Effective(r.Context(), t.Host)
		if err != nil {
			return err
		}
		var zone *time.Location
		if zone, err = effective.Location(); err != nil {
			return err
		}
		until, err := operate.HoldEnd(in.Until, zone, a.Now())
		if err != nil {
			return err
		}
		change.Until = &until
	}
	return a.changeSnapshot(w, r, t, change)
}

func (a API) change(what string) server.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, err := target(r)
		if err != nil {
			return err
		}
		return a.changeSnapshot(w, r, t, workflows.ChangeSnapshotInput{Change: what})
	}
}

func (a API) changeSnapshot(w http.ResponseWriter, r *http.Request, t ident.HostSnap, in workflows.ChangeSnapshotInput) error {
	if _, err := a.Catalog.Host(r.Context(), t.Host); err != nil {
		return err
	}
	in.Host, in.Snapshot, in.Actor = t.Host, t.Snapshot, server.Who(r).Actor()
	err := a.Operator.ChangeSnapshot(r.Context(), in)
	var later *operate.UnderWayError
	if errors.As(err, &later) {
		return server.Refused(later.Error() + ".")
	}
	if err != nil {
		return err
	}
	return done(w)
}
