package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web"
	"planb/web/server"
	"planb/web/webtest"
)

// open are the only routes for those who have not signed in.
var open = map[string]bool{
	"GET /healthz": true, "GET /static/": true, "GET /api/v1/openapi.json": true,
	"GET /sign-in": true, "POST /sign-in": true, "POST /sign-out": true, "POST /theme": true,
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// address gives a path of the route that is about things which are there, as
// far as filled says.
func address(pattern string) string {
	filled := map[string]string{
		"{$}": "", "{group}": "acme", "{host}": "web1", "{user}": "bob", "{token}": "ci",
		"{run}": run, "{month}": "2026-10", "{session}": "00000000-0000-0000-0000-000000000000",
	}
	return placeholder.ReplaceAllStringFunc(pattern, func(p string) string {
		if v, ok := filled[p]; ok {
			return v
		}
		return "1"
	})
}

// run is the id of a run that has ended.
const run = "00000000-0000-4000-8000-000000000001"

// peopled is a site with a host and a run of it, and bob and ci to work on.
func peopled(t *testing.T) *webtest.Site {
	t.Helper()
	s := webtest.New(t)
	h, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: ident.Host{Group: "acme", Name: "web1"}, Address: "a.example", AddGroup: true})
	require.NoError(t, err)
	require.NoError(t, s.Store.FinishRun(t.Context(), catalog.RunStart{
		ID: run, WorkflowID: "backup/acme/web1", HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup, Trigger: "manual", Started: s.Clock.Now(),
	}, catalog.RunEnd{State: policy.StateOK, Finished: s.Clock.Now()}))
	_, err = s.Store.MakeReport(t.Context(), catalog.ReportOf{Kind: catalog.ReportMonthly, Period: "2026-10", Group: "acme"}, run, catalog.ReportDoc{Subject: "acme", Body: "All is well.", HTML: "<p>All is well.</p>"}, s.Clock.Now())
	require.NoError(t, err)
	s.AddUser("bob", "operator:acme")
	_, err = s.Store.AddToken(t.Context(), catalog.NewToken{Name: "ci", Grants: s.Grants("viewer"), ExpiresAt: s.Clock.Now().AddDate(0, 3, 0)}, s.Clock.Now())
	require.NoError(t, err)
	return s
}

func TestEveryRouteDemandsARight(t *testing.T) {
	t.Parallel()
	s := peopled(t)
	viewer := s.As("vera", "viewer")
	other := s.As("otto", "admin:umbrella")
	for _, route := range web.Table(s.Options) {
		name := route.Method + " " + route.Pattern
		require.Equal(t, open[name], route.IsOpen(), "%s: only few routes are for everybody", name)
		if route.IsOpen() {
			continue
		}
		require.Contains(t, access.Rights(), route.Right, name)
		path := address(route.Pattern)

		a := s.Reader().Do(route.Method, path, url.Values{})
		if strings.HasPrefix(path, "/api/") || path == server.MetricsPath {
			require.Equal(t, http.StatusUnauthorized, a.Status, name)
		} else {
			require.Equal(t, http.StatusSeeOther, a.Status, name)
			require.True(t, strings.HasPrefix(a.Location, "/sign-in"), "%s leads to %s", name, a.Location)
		}
		if route.Right == access.Own {
			continue
		}
		if route.Changes() {
			a = viewer.Do(route.Method, path, url.Values{})
			require.Equal(t, http.StatusForbidden, a.Status, "%s: a viewer changes nothing", name)
		}
		if strings.Contains(route.Pattern, "{group}") || strings.Contains(route.Pattern, "{run}") {
			a = other.Do(route.Method, path, url.Values{})
			require.Equal(t, http.StatusNotFound, a.Status, "%s: an admin of another group sees nothing", name)
		}
	}
	_, err := s.Store.User(t.Context(), "bob")
	require.NoError(t, err)
}

// Forms that name hosts in their fields are refused by the handlers: here with
// every button that there is, by somebody who may do all of it elsewhere.
func TestNoFormReachesIntoAnotherGroup(t *testing.T) {
	t.Parallel()
	s := peopled(t)
	other := s.As("otto", "admin:umbrella")
	before, err := s.Store.AuditPage(t.Context(), catalog.AuditQuery{Visible: catalog.OnlyGroups("acme")})
	require.NoError(t, err)
	for _, route := range web.Table(s.Options) {
		if !route.Changes() || route.IsOpen() || route.Right == access.Own {
			continue
		}
		for _, do := range []string{"enable", "disable", "accept", "reject", "hold", "remove", "pause", "resume"} {
			a := other.Do(route.Method, address(route.Pattern), url.Values{
				"host": {"acme/web1"}, "hosts": {"acme/web1"}, "group": {"acme"}, "name": {"web1"},
				"do": {do}, "action": {do}, "reason": {"because"}, "confirm": {"acme/web1"},
			})
			require.Less(t, a.Status, http.StatusInternalServerError, "%s %s", route.Method, route.Pattern)
		}
	}
	after, err := s.Store.AuditPage(t.Context(), catalog.AuditQuery{Visible: catalog.OnlyGroups("acme")})
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := peopled(t)
	admin := s.As("alice", "admin")
	for _, route := range web.Table(s.Options) {
		if !route.Changes() {
			continue
		}
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": {"same-site"}},
		} {
			admin.Header = header
			a := admin.Do(route.Method, address(route.Pattern), url.Values{"user": {"alice"}, "password": {webtest.Password}})
			require.Equal(t, http.StatusForbidden, a.Status, "%s %s", route.Method, route.Pattern)
			require.Empty(t, a.Cookies)
		}
	}
	admin.Header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	require.Equal(t, http.StatusSeeOther, admin.Post("/users/bob/disable", url.Values{}).Status)
}

// Every page, in every state that it is easily brought to, keeps to the content
// security policy, which every answer carries, and is the same without scripts.
func TestNoStyleAndNoScriptInAnyPage(t *testing.T) {
	t.Parallel()
	s := peopled(t)
	admin := s.As("alice", "admin")
	pages := []string{"/nowhere", "/users/nobody", "/sign-in"}
	for _, route := range web.Table(s.Options) {
		if route.Method == http.MethodGet {
			pages = append(pages, address(route.Pattern))
		}
	}
	for _, path := range pages {
		for _, r := range []*webtest.Reader{admin, s.Reader()} {
			a := r.Get(path)
			policy := a.Header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'", path)
			document := strings.Contains(policy, "frame-ancestors 'self'")
			if document { // that was mailed, shown in a frame
				require.Contains(t, policy, "sandbox allow-top-navigation-by-user-activation; ", path)
				require.Contains(t, path, "/document", path)
			} else {
				require.Contains(t, policy, "frame-ancestors 'none'", path)
			}
			require.NotContains(t, policy, "unsafe", path)
			require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), path)
			if !document && a.Status/100 != 3 && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				checkMarkup(t, path, a.Body)
			}
		}
	}
}

func checkMarkup(t *testing.T, path, body string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err, path)
	var headings int
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		require.NotEqual(t, "style", n.Data, path)
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			require.NotEqual(t, "style", a.Key, "%s: <%s>", path, n.Data)
			require.False(t, strings.HasPrefix(a.Key, "on"), "%s: <%s %s>", path, n.Data, a.Key)
			require.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"), "%s: <%s %s>", path, n.Data, a.Key)
		}
		switch n.Data {
		case "script":
			require.True(t, strings.HasPrefix(attr["src"], "/static/"), path)
			require.Nil(t, n.FirstChild, path)
		case "h1":
			headings++
		case "input", "select", "textarea":
			labelled := attr["type"] == "hidden" || attr["id"] != "" || attr["aria-label"] != "" || n.Parent.Data == "label"
			require.True(t, labelled, "%s: a field without a label: %v", path, n.Attr)
		case "form":
			require.NotEmpty(t, attr["action"], path)
		case "img":
			_, ok := attr["alt"]
			require.True(t, ok, path)
		case "html": // which the parser adds around a part of a page
			require.True(t, attr["lang"] == "en" || !strings.Contains(body, "<html"), path)
		}
	}
	if strings.Contains(body, "<html") && !strings.Contains(body, "empty-header") {
		require.Equal(t, 1, headings, "%s: a page has one heading of the first rank", path)
	}
}
