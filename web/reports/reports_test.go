package reports_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/report/gather"
	"planb/web/reports"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker/operate"
)

// sender is what is in the place of Temporal.
type sender struct {
	mu    sync.Mutex
	asked []string
	out   activities.ReportResult
	err   error
}

func (s *sender) SendReport(_ context.Context, of catalog.ReportOf, again bool) (activities.ReportResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("%s again=%v", of.Name(), again))
	return s.out, s.err
}

const month = "2026-10"

// newSite has a digest and the monthly reports of two groups on record.
func newSite(t *testing.T) (s *webtest.Site, send *sender, ids map[string]int64) {
	store, ctx := catalogtest.Store(t), t.Context()
	send, ids = &sender{}, map[string]int64{}
	made := func(of catalog.ReportOf, to ...string) {
		r, err := store.MakeReport(ctx, of, "run "+of.Name(), catalog.ReportDoc{
			Subject: "subject of " + of.Name(), Body: "text", HTML: "<style>p {}</style><p>document of " + of.Name() + "</p>",
		}, webtest.Start)
		require.NoError(t, err)
		require.NoError(t, store.PlanReportMails(ctx, r.ID, to, false))
		ids[string(of.Group)] = r.ID
	}
	for _, group := range []string{"acme", "umbrella"} {
		_, err := store.AddHost(ctx, catalog.NewHost{Host: ident.Host{Group: group, Name: "web1"}, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	made(catalog.ReportOf{Kind: catalog.ReportDigest, Period: "2026-11-24"}, "ops@a.example", "gone@a.example")
	made(catalog.ReportOf{Kind: catalog.ReportMonthly, Period: month, Group: "acme"}, "owner@acme.example")
	made(catalog.ReportOf{Kind: catalog.ReportMonthly, Period: month, Group: "umbrella"})
	for to, state := range map[string]string{"ops@a.example": catalog.DeliverySent, "gone@a.example": catalog.DeliveryGaveUp} {
		require.NoError(t, store.RecordReportMail(ctx, catalog.ReportMail{
			ReportID: ids[""], Recipient: to, State: state, LastError: catalog.Text("<b>no</b> " + to),
		}, webtest.Start))
	}
	maker := gather.Gatherer{Catalog: store, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)}
	s = webtest.Only(t, store, func(now func() time.Time) []server.Route {
		return reports.Pages{Catalog: store, Operator: send, Maker: maker, Zone: time.UTC, Now: now}.Routes()
	})
	return s, send, ids
}

func sent(id int64) string { return fmt.Sprintf("/reports/sent/%d", id) }

func TestReportsAreOfTheGroupsThatOneSees(t *testing.T) {
	t.Parallel()
	s, _, ids := newSite(t)
	all := s.As("alice", "viewer")
	page := all.Get("/reports").Body
	for _, text := range []string{"Digest of 2026-11-24", "acme, 2026-10", "umbrella, 2026-10", "ops@a.example", "gave up", "waits", "nobody to send it to", "Digest of today"} {
		require.Contains(t, page, text)
	}
	require.NotContains(t, page, "<form method=\"post\" action=\"/reports", "a viewer sends nothing")
	page = all.Get(sent(ids[""])).Body
	require.Contains(t, page, "&lt;b&gt;no&lt;/b&gt; gone@a.example")
	require.NotContains(t, page, "Send anew")

	some := s.As("vera", "viewer:acme")
	page = some.Get("/reports").Body
	require.Contains(t, page, "acme, 2026-10")
	for _, text := range []string{"umbrella", "Digest", "ops@a.example"} {
		require.NotContains(t, page, text)
	}
	require.Equal(t, http.StatusOK, some.Get(sent(ids["acme"])).Status)
	for path, want := range map[string]int{
		sent(ids["umbrella"]): http.StatusNotFound, sent(ids["umbrella"]) + "/document": http.StatusNotFound,
		"/reports/months/umbrella/" + month: http.StatusNotFound, "/reports/months/umbrella/" + month + "/document": http.StatusNotFound,
		sent(ids[""]): http.StatusForbidden, sent(ids[""]) + "/document": http.StatusForbidden,
		"/reports/digest": http.StatusForbidden, "/reports/digest/document": http.StatusForbidden,
		sent(99): http.StatusNotFound, "/reports/sent/x": http.StatusNotFound, "/reports/months/acme/soon": http.StatusNotFound,
		"/reports/months?group=acme&month=soon": http.StatusUnprocessableEntity,
	} {
		require.Equal(t, want, some.Get(path).Status, path)
	}
	require.Equal(t, "/reports/months/acme/"+month, some.Get("/reports/months?group=acme&month="+month).Location)
}

// What was mailed is shown as a document in which nothing runs, and which no other
// site frames; its one style is named by its hash.
func TestReportDocuments(t *testing.T) {
	t.Parallel()
	s, _, ids := newSite(t)
	r := s.As("alice", "viewer")
	a := r.Get(sent(ids["acme"]) + "/document")
	require.Contains(t, a.Body, "<p>document of report of acme for 2026-10</p>")
	csp := a.Header.Get("Content-Security-Policy")
	require.Equal(t, "sandbox allow-top-navigation-by-user-activation; default-src 'none'; "+
		"style-src 'sha256-SNJDlN1Iy2mnt7DOjQIyDb2LQE6O5PQiSZomcdzawQ4='; form-action 'none'; frame-ancestors 'self'; base-uri 'none'", csp)
	require.Equal(t, "SAMEORIGIN", a.Header.Get("X-Frame-Options"))

	a = r.Get(sent(ids["acme"]))
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-src 'self'")
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Contains(t, a.Body, `src="`+sent(ids["acme"])+`/document"`)

	require.Contains(t, r.Get("/reports/digest").Body, `src="/reports/digest/document"`)
	require.Contains(t, r.Get("/reports/digest/document").Body, "PlanB: 2 never")
	require.Contains(t, r.Get("/reports/digest/document").Body, "umbrella/web1")
	body := r.Get("/reports/months/acme/2026-11/document").Body
	require.Contains(t, body, "acme/web1")
	require.NotContains(t, body, "umbrella")
}

func TestSendingReports(t *testing.T) {
	t.Parallel()
	s, send, ids := newSite(t)
	send.out.ID = ids["acme"]
	send.out.Mails = []catalog.ReportMail{{Recipient: "owner@acme.example", State: catalog.DeliverySent}}
	admin := s.As("anna", "admin:acme")
	require.Contains(t, admin.Get("/reports/months/acme/"+month).Body, "Send it now")
	require.NotContains(t, admin.Get("/reports/months/acme/2026-11").Body, "Send it now", "the month is not over")
	require.Contains(t, admin.Get(sent(ids["acme"])).Body, "Try again")

	a := admin.Post("/reports/months/acme/"+month, nil)
	require.Equal(t, sent(ids["acme"]), a.Location)
	require.Contains(t, admin.Get(a.Location).Body, "1 recipient has it.")
	admin.Post("/reports/months/acme/"+month, url.Values{"again": {"yes"}})
	require.Equal(t, http.StatusForbidden, admin.Post("/reports/digest", nil).Status, "it is of all groups")
	require.Equal(t, http.StatusNotFound, admin.Post("/reports/months/umbrella/"+month, nil).Status)
	require.Equal(t, http.StatusForbidden, s.As("olaf", "operator").Post("/reports/months/acme/"+month, nil).Status)
	require.Equal(t, []string{"report of acme for 2026-10 again=false", "report of acme for 2026-10 again=true"}, send.asked)

	all := s.As("alma", "admin")
	send.err = &operate.UnderWayError{What: "the mailing"}
	a = all.Post("/reports/digest", nil)
	require.Equal(t, "/reports", a.Location)
	require.Contains(t, all.Get("/reports").Body, "The digest of 2026-11-24 is being sent")
	send.err = &catalog.RefusedError{Reason: "there is no mail channel to send it through"}
	a = all.Post("/reports/digest", nil)
	require.Equal(t, http.StatusConflict, a.Status)
	require.Contains(t, a.Body, "There is no mail channel to send it through.")
	send.err = errors.Join(io.ErrUnexpectedEOF)
	require.Equal(t, http.StatusInternalServerError, all.Post("/reports/digest", nil).Status)

	require.Contains(t, all.Get(sent(ids[""])).Body, "Send anew")
	s.Clock.Advance(24 * time.Hour)
	all = s.As("alba", "admin")
	require.NotContains(t, all.Get(sent(ids[""])).Body, "Send anew", "its day is over")
}
