package hosts

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker/operate"
	"planb/workflows"
)

// oneSnap is the page of one snapshot.
type oneSnap struct {
	host catalog.Host
	snap snapView
	// before is the snapshot before it; empty for the oldest.
	before string
	// reason and until are what was typed, failed is why it was refused.
	reason, until, failed string
	zone                  *time.Location
}

// foundSnap gives the snapshot that the path names.
func (p Page) foundSnap(r *http.Request) (v oneSnap, err error) {
	host, err := server.HostOf(r)
	if err != nil {
		return v, err
	}
	hp, err := p.Catalog.HostPolicy(r.Context(), host)
	if err != nil {
		return v, err
	}
	snaps, err := p.Catalog.Snapshots(r.Context(), host)
	if err != nil {
		return v, err
	}
	v.host, v.zone = hp.Host, hostView{policy: hp.Policy}.zone()
	list := planned(snaps, hp.Policy, p.Now())
	for i, s := range list {
		if s.Name == r.PathValue("snap") {
			v.snap = s
			if i+1 < len(list) {
				v.before = list[i+1].Name
			}
			return v, nil
		}
	}
	return v, server.ErrNotFound
}

func (p Page) snapshot(w http.ResponseWriter, r *http.Request) error {
	v, err := p.foundSnap(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, snapPage(v))
}

func (p Page) hold(w http.ResponseWriter, r *http.Request) error {
	v, err := p.foundSnap(r)
	if err != nil {
		return err
	}
	v.reason, v.until = strings.Join(strings.Fields(r.PostFormValue("reason")), " "), r.PostFormValue("until")
	in := workflows.ChangeSnapshotInput{Change: activities.ChangeHold, Reason: v.reason}
	if v.until != "" {
		end, err := operate.HoldEnd(v.until, v.zone, p.Now())
		if err != nil {
			return refuseHold(w, r, v, err)
		}
		in.Until = &end
	}
	if err := p.change(r, v, in); err != nil {
		if catalog.IsInvalid(err) {
			return refuseHold(w, r, v, err)
		}
		return p.told(w, r, snapHref(v.host.Ident(), v.snap.Name), err)
	}
	return server.Redirect(w, r, snapHref(v.host.Ident(), v.snap.Name), ui.Good, "It is held.")
}

func refuseHold(w http.ResponseWriter, r *http.Request, v oneSnap, err error) error {
	v.failed, _ = server.Told(err)
	return server.Render(w, r, http.StatusUnprocessableEntity, snapPage(v))
}

func (p Page) release(w http.ResponseWriter, r *http.Request) error {
	v, err := p.foundSnap(r)
	if err != nil {
		return err
	}
	to := snapHref(v.host.Ident(), v.snap.Name)
	if err := p.change(r, v, workflows.ChangeSnapshotInput{Change: activities.ChangeRelease}); err != nil {
		return p.told(w, r, to, err)
	}
	return server.Redirect(w, r, to, ui.Good, "It is held no longer.")
}

func (p Page) askRemoveSnapshot(w http.ResponseWriter, r *http.Request) error {
	v, err := p.foundSnap(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, removeSnapPage(v))
}

func (p Page) removeSnapshot(w http.ResponseWriter, r *http.Request) error {
	v, err := p.foundSnap(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("confirm") != v.snap.Name {
		v.failed = "The name that was typed is another one: nothing was removed."
		return server.Render(w, r, http.StatusUnprocessableEntity, removeSnapPage(v))
	}
	if err := p.change(r, v, workflows.ChangeSnapshotInput{Change: activities.ChangeRemove}); err != nil {
		return p.told(w, r, base(v.host.Ident()), err)
	}
	return server.Redirect(w, r, base(v.host.Ident()), ui.Good, "Removed "+v.snap.Name+".")
}

func (p Page) change(r *http.Request, v oneSnap, in workflows.ChangeSnapshotInput) error {
	in.Host, in.Snapshot, in.Actor = v.host.Ident(), v.snap.Name, server.Who(r).Actor()
	return p.Operator.ChangeSnapshot(r.Context(), in)
}

// told leads to a page with the news that something takes longer than its
// reader waits; other errors are passed on.
func (p Page) told(w http.ResponseWriter, r *http.Request, to string, err error) error {
	var later *operate.UnderWayError
	if errors.As(err, &later) {
		return server.Redirect(w, r, to, ui.Busy, upper(later.Error())+".")
	}
	return err
}

// targetSnap checks a snapshot's name that a form or a query gives; empty is all
// right.
func targetSnap(r *http.Request) (string, error) {
	snap := r.FormValue("snap")
	if snap == "" {
		return "", nil
	}
	return snap, ident.CheckSnapshot(snap)
}
