package runs

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
)

// listView is the page of runs.
type listView struct {
	Runs []catalog.Run
	// Groups are those that the reader can choose from.
	Groups []string
	// The filter as it was given.
	Host, Group, Kind, State, Since, Until string
	UnderWay                               bool
	// Failed is what of the filter was not understood.
	Failed string
	Query  url.Values
	// Next is the address of the following page, First that of the first one;
	// empty where there is none.
	Next, First string
}

// filtered says whether the list is narrowed.
func (v listView) filtered() bool {
	return v.Host+v.Group+v.Kind+v.State+v.Since+v.Until != "" || v.UnderWay
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := listView{
		Host: strings.TrimSpace(q.Get("host")), Group: q.Get("group"), Kind: q.Get("kind"), State: q.Get("state"),
		Since: q.Get("since"), Until: q.Get("until"), UnderWay: q.Get("under_way") != "", Query: q,
	}
	query, err := v.query(q.Get("after"))
	if text, ok := server.Told(err); err != nil && ok {
		v.Failed = text
	} else if err != nil {
		return err
	}
	query.Visible = server.Sees(r)
	groups, err := p.Catalog.Groups(r.Context())
	if err != nil {
		return err
	}
	for _, g := range groups {
		if query.Visible.Group(g.Name) {
			v.Groups = append(v.Groups, g.Name)
		}
	}
	status := http.StatusOK
	if v.Failed != "" {
		status = http.StatusUnprocessableEntity
	} else {
		list, err := p.Catalog.RunPage(r.Context(), query)
		if err != nil {
			return err
		}
		v.Runs = list.Runs
		if list.Next != nil {
			v.Next = ui.With("/runs", q, "after", list.Next.String())
		}
		if query.After != nil {
			first := url.Values{}
			for k, values := range q {
				if k != "after" {
					first[k] = values
				}
			}
			v.First = "/runs?" + first.Encode()
		}
	}
	return server.Render(w, r, status, listPage(v))
}

// query reads the filter; its errors are for the person who wrote it.
func (v listView) query(after string) (q catalog.RunQuery, err error) {
	q = catalog.RunQuery{Group: v.Group, Kind: v.Kind, State: v.State, UnderWay: v.UnderWay}
	if v.Host != "" {
		if q.Host, err = ident.ParseHost(v.Host); err != nil {
			return q, err
		}
	}
	if v.Group != "" {
		if err := ident.CheckGroup(v.Group); err != nil {
			return q, err
		}
	}
	if q.Since, err = day(v.Since); err != nil {
		return q, err
	}
	if q.Until, err = day(v.Until); err != nil {
		return q, err
	}
	if !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1) // the whole of that day
	}
	if after != "" {
		place, err := catalog.ParseRunPlace(after)
		if err != nil {
			return q, err
		}
		q.After = &place
	}
	return q, nil
}

// day reads a date; days begin in UTC.
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, server.Invalid("“" + s + "” is not a date: write it as 2026-11-24")
	}
	return t, nil
}

// kinds and states are what the list can be narrowed to.
func kinds() []ui.Choice {
	return ui.Choices(catalog.KindBackup, catalog.KindRestore, catalog.KindPrune, catalog.KindVerify)
}

func states() []ui.Choice {
	return ui.Choices(policy.StateRunning, policy.StateWaiting, policy.StateOK, policy.StateWarning, policy.StatePartial,
		policy.StateFailed, policy.StateSkipped, policy.StateCancelled)
}

// runTitle is what a page calls a run.
func runTitle(r catalog.Run) string {
	switch r.Kind {
	case catalog.KindBackup:
		return "Backup of " + r.Host
	case catalog.KindRestore:
		return "Restore from " + r.Host
	case catalog.KindPrune:
		return "Prune of " + r.Host
	case catalog.KindVerify:
		return "Verification of " + r.Host
	}
	return r.Kind + " of " + r.Host
}

// told is the line about a run in the list.
func told(r catalog.Run) string {
	if r.Reason != "" {
		return string(r.Reason)
	}
	return string(r.Message)
}

// hostHref leads to the page of a run's host; empty when that is gone.
func hostHref(r catalog.Run) string {
	if r.HostID == "" {
		return ""
	}
	return "/hosts/" + r.Host
}

// scopeOf is what rights over a run are asked for.
func scopeOf(r catalog.Run) access.Scope {
	group, _, _ := strings.Cut(r.Host, "/")
	return access.OfGroup(group)
}

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < 10*time.Second {
		return took(d)
	}
	return ui.Duration(d)
}
