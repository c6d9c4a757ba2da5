// Package reports shows the digests and monthly reports that were mailed, to whom
// and when, what they would say now, and sends them.
package reports

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/report"
	"planb/web/server"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Groups(ctx context.Context) ([]catalog.Group, error)
	Report(ctx context.Context, id int64) (catalog.Report, error)
	ReportDoc(ctx context.Context, id int64) (catalog.ReportDoc, error)
	ReportMails(ctx context.Context, ids ...int64) (map[int64][]catalog.ReportMail, error)
	Reports(ctx context.Context, q catalog.ReportQuery) (catalog.ReportList, error)
}

// Operator is what sends.
type Operator interface {
	SendReport(ctx context.Context, of catalog.ReportOf, again bool) (activities.ReportResult, error)
}

// Maker makes reports as they would be mailed now.
type Maker interface {
	Make(ctx context.Context, of catalog.ReportOf, now time.Time) (report.Doc, error)
	Over(ctx context.Context, of catalog.ReportOf, now time.Time) (bool, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Maker    Maker
	// Zone is that of the days that have a digest.
	Zone *time.Location
	Now  func() time.Time
}

const (
	digestPath = "/reports/digest"
	monthsPath = "/reports/months/{group}/{month}"
	sentPath   = "/reports/sent/{id}"
)

// Routes are their lines of the table. The digest is of all groups, and for those
// who see all of them.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/reports", Right: access.View, Scope: server.Anything, Handle: p.list},
		{Method: http.MethodGet, Pattern: "/reports/months", Right: access.View, Scope: server.Anything, Handle: p.choose},
		{Method: http.MethodGet, Pattern: digestPath, Right: access.View, Handle: p.preview},
		{Method: http.MethodGet, Pattern: digestPath + "/document", Right: access.View, Handle: p.document},
		{Method: http.MethodPost, Pattern: digestPath, Right: access.Manage, Handle: p.send},
		{Method: http.MethodGet, Pattern: monthsPath, Right: access.View, Scope: server.InGroup, Handle: p.preview},
		{Method: http.MethodGet, Pattern: monthsPath + "/document", Right: access.View, Scope: server.InGroup, Handle: p.document},
		{Method: http.MethodPost, Pattern: monthsPath, Right: access.Manage, Scope: server.InGroup, Handle: p.send},
		{Method: http.MethodGet, Pattern: sentPath, Right: access.View, Scope: p.whose, Handle: p.sent},
		{Method: http.MethodGet, Pattern: sentPath + "/document", Right: access.View, Scope: p.whose, Handle: p.sentDocument},
	}
}

// listView is what the list shows.
type listView struct {
	catalog.ReportList
	Groups []string
	// Group narrows the list; Month is the one that is offered for a preview.
	Group, Month string
	before       int64
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	v := listView{Group: r.URL.Query().Get("group"), Month: report.MonthOf(p.Now()).Before().String()}
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if v.before, err = strconv.ParseInt(text, 10, 64); err != nil {
			return server.ErrNotFound
		}
	}
	found, err := p.Catalog.Groups(r.Context())
	if err != nil {
		return err
	}
	for _, g := range found {
		if server.Sees(r).Group(g.Name) {
			v.Groups = append(v.Groups, g.Name)
		}
	}
	v.ReportList, err = p.Catalog.Reports(r.Context(), catalog.ReportQuery{Visible: server.Sees(r), Group: v.Group, Before: v.before})
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(v))
}

// older is the address of the next page.
func (v listView) older() string {
	if v.Next == 0 {
		return ""
	}
	q := url.Values{"before": {strconv.FormatInt(v.Next, 10)}}
	if v.Group != "" {
		q.Set("group", v.Group)
	}
	return "/reports?" + q.Encode()
}

// newest is the address of the first page, for all others.
func (v listView) newest() string {
	if v.before == 0 {
		return ""
	}
	return "/reports?" + url.Values{"group": {v.Group}}.Encode()
}

// choose leads to the preview of a group and month that a form gives.
func (p Pages) choose(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	of := catalog.ReportOf{Kind: catalog.ReportMonthly, Period: q.Get("month"), Group: catalog.Text(q.Get("group"))}
	if _, err := report.ParseMonth(of.Period); err != nil {
		return server.Invalid(err.Error())
	}
	if of.Group == "" {
		return server.Invalid("choose a group")
	}
	return server.Redirect(w, r, path(of), "", "")
}

// of gives which report a path means.
func (p Pages) of(r *http.Request) (catalog.ReportOf, error) {
	group := r.PathValue("group")
	if group == "" {
		return catalog.ReportOf{Kind: catalog.ReportDigest, Period: p.Now().In(p.Zone).Format(time.DateOnly)}, nil
	}
	if _, err := report.ParseMonth(r.PathValue("month")); err != nil {
		return catalog.ReportOf{}, server.ErrNotFound
	}
	return catalog.ReportOf{Kind: catalog.ReportMonthly, Period: r.PathValue("month"), Group: catalog.Text(group)}, nil
}

// path is where a report is previewed, and sent by a POST.
func path(of catalog.ReportOf) string {
	if of.Kind == catalog.ReportDigest {
		return digestPath
	}
	return "/reports/months/" + url.PathEscape(string(of.Group)) + "/" + url.PathEscape(of.Period)
}

func pathSent(id int64) string { return "/reports/sent/" + strconv.FormatInt(id, 10) }

// previewView is a report as it would be mailed now.
type previewView struct {
	catalog.ReportOf
	// Over is whether its time is, so that it can be sent.
	Over bool
}

func (p Pages) preview(w http.ResponseWriter, r *http.Request) error {
	of, err := p.of(r)
	if err != nil {
		return err
	}
	over, err := p.Maker.Over(r.Context(), of, p.Now())
	if err != nil {
		return err
	}
	server.FramesDocuments(w)
	return server.Render(w, r, http.StatusOK, previewPage(previewView{of, over}))
}

func (p Pages) document(w http.ResponseWriter, r *http.Request) error {
	of, err := p.of(r)
	if err != nil {
		return err
	}
	doc, err := p.Maker.Make(r.Context(), of, p.Now())
	if err != nil {
		return err
	}
	html, err := doc.HTML()
	if err != nil {
		return err
	}
	return server.Document(w, html)
}
