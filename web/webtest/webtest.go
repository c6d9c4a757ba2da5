// Package webtest gives tests all pages on a real catalog, and readers who sign
// in to them.
package webtest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/web"
	"planb/web/server"
	"planb/web/static"
)

// Password is that of every user that AddUser adds.
const Password = "correct horse battery"

// Site is a running server of pages.
type Site struct {
	t       testing.TB
	Store   *catalog.Store
	Server  *httptest.Server
	Clock   *Clock
	Options web.Options
	hash    string
}

// Clock is what the pages take for the time.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets time pass.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// New starts the pages on an empty catalog of their own, with a Temporal that
// does not answer. Change alters how.
func New(t testing.TB, change ...func(*web.Options)) *Site {
	t.Helper()
	return On(t, catalogtest.Store(t), change...)
}

// On starts the pages on a catalog, as New does.
func On(t testing.TB, store *catalog.Store, change ...func(*web.Options)) *Site {
	t.Helper()
	s := site(t, store)
	for _, c := range change {
		c(&s.Options)
	}
	handler, err := web.Handler(t.Context(), s.Options)
	require.NoError(t, err)
	s.serve(handler)
	return s
}

// Only starts just the sign-in and the pages that routes gives, on a catalog:
// for a family that is to be tested with something in the place of Temporal.
func Only(t testing.TB, store *catalog.Store, routes func(now func() time.Time) []server.Route) *Site {
	t.Helper()
	s := site(t, store)
	only := server.New(server.Options{
		Catalog: store, Passwords: access.NewPasswords(), Log: s.Options.Log, Version: s.Options.Version, Now: s.Clock.Now,
	})
	static := server.Open(http.MethodGet, static.Prefix, func(w http.ResponseWriter, r *http.Request) error {
		static.Serve(w, r)
		return nil
	})
	s.serve(only.Handler(slices.Concat([]server.Route{static}, only.SignInRoutes(), routes(s.Clock.Now))))
	return s
}

// Start is what the clock of a site shows at first.
var Start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func site(t testing.TB, store *catalog.Store) *Site {
	s := &Site{t: t, Store: store, Clock: &Clock{now: Start}}
	s.Options = web.Options{Catalog: store, Log: slog.New(slog.DiscardHandler), Version: "test", Now: s.Clock.Now, Temporal: AwayTemporal()}
	return s
}

func (s *Site) serve(handler http.Handler) {
	s.Server = httptest.NewServer(handler)
	s.t.Cleanup(s.Server.Close)
}

// AddUser adds a user with Password. Grants are "role" for all groups or
// "role:group"; groups are added where they are not there.
func (s *Site) AddUser(name string, grants ...string) {
	s.t.Helper()
	if s.hash == "" {
		var err error
		s.hash, err = access.NewPasswords().Hash(s.t.Context(), Password)
		require.NoError(s.t, err)
	}
	_, err := s.Store.AddUser(s.t.Context(), catalog.NewUser{Name: name, Grants: s.Grants(grants...), PasswordHash: s.hash})
	require.NoError(s.t, err)
}

// Grants reads "role" and "role:group", adding the groups.
func (s *Site) Grants(grants ...string) (list access.Grants) {
	s.t.Helper()
	for _, g := range grants {
		role, group, _ := strings.Cut(g, ":")
		if group != "" {
			_, err := s.Store.EnsureGroup(s.t.Context(), group)
			require.NoError(s.t, err)
		}
		list = append(list, access.Grant{Role: access.Role(role), Group: group})
	}
	return list
}

// Reader is a browser with cookies of its own.
type Reader struct {
	site   *Site
	Client *http.Client
	// Header goes with every request.
	Header http.Header
}

// Reader gives a browser that has not signed in. It follows no redirects.
func (s *Site) Reader() *Reader {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &Reader{site: s, Header: http.Header{}, Client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SignIn gives a browser in which name has signed in.
func (s *Site) SignIn(name string) *Reader {
	s.t.Helper()
	r := s.Reader()
	a := r.Post("/sign-in", url.Values{"user": {name}, "password": {Password}})
	require.Equal(s.t, http.StatusSeeOther, a.Status, a.Body)
	return r
}

// As gives a new user of that role a browser; roles are those of AddUser.
func (s *Site) As(name string, grants ...string) *Reader {
	s.t.Helper()
	s.AddUser(name, grants...)
	return s.SignIn(name)
}

// Answer is what came back.
type Answer struct {
	Status   int
	Header   http.Header
	Body     string
	Location string
	Cookies  []*http.Cookie
}

// Get asks for a page.
func (r *Reader) Get(path string) Answer {
	r.site.t.Helper()
	return r.Do(http.MethodGet, path, nil)
}

// Post sends a form.
func (r *Reader) Post(path string, form url.Values) Answer {
	r.site.t.Helper()
	return r.Do(http.MethodPost, path, form)
}

// Do sends a request, with a form unless it is nil.
func (r *Reader) Do(method, path string, form url.Values) Answer {
	t := r.site.t
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, r.site.Server.URL+path, body)
	require.NoError(t, err)
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := r.Client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(text), Location: res.Header.Get("Location"), Cookies: res.Cookies()}
}
