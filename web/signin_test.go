package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/web"
	"planb/web/server"
	"planb/web/webtest"
)

func credentials(user, password string) url.Values {
	return url.Values{"user": {user}, "password": {password}}
}

func TestSessionIsNewAtEachSignIn(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	s.AddUser("alice", "viewer")
	// What somebody planted before the sign-in is not what counts after it.
	r := s.Reader()
	r.Header.Set("Cookie", "planb=planted")
	a := r.Post("/sign-in", credentials("alice", webtest.Password))
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Len(t, a.Cookies, 1)
	require.NotEmpty(t, a.Cookies[0].Value)
	require.NotEqual(t, "planted", a.Cookies[0].Value)
	planted := s.Reader()
	planted.Header.Set("Cookie", "planb=planted")
	require.Equal(t, http.StatusSeeOther, planted.Get("/").Status)

	// The session from before ends with the next sign-in of the same browser.
	first := a.Cookies[0].Value
	r.Header.Set("Cookie", "planb="+first)
	second := r.Post("/sign-in", credentials("alice", webtest.Password)).Cookies[0].Value
	require.NotEqual(t, first, second)
	require.Equal(t, http.StatusSeeOther, r.Get("/").Status)
	r.Header.Set("Cookie", "planb="+second)
	require.Equal(t, http.StatusOK, r.Get("/").Status)
}

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	here, there := s.As("alice", "viewer"), s.SignIn("alice")
	change := func(current, next, again string) webtest.Answer {
		return here.Post("/account/password", url.Values{"current": {current}, "password": {next}, "again": {again}})
	}
	require.Contains(t, change("wrong password", "another password", "another password").Body, "not your password")
	require.Contains(t, change(webtest.Password, "another password", "yet another").Body, "not the same")
	require.Contains(t, change(webtest.Password, "short", "short").Body, "at least 10 characters")
	require.Equal(t, http.StatusOK, there.Get("/").Status)

	a := change(webtest.Password, "another password", "another password")
	require.Equal(t, "/account", a.Location)
	require.Contains(t, here.Get("/account").Body, "Changed your password")
	require.NotContains(t, here.Get("/account").Body, "Changed your password", "it is told once")
	require.Equal(t, http.StatusSeeOther, there.Get("/").Status)
	require.Equal(t, http.StatusUnauthorized, s.Reader().Post("/sign-in", credentials("alice", webtest.Password)).Status)
	require.Equal(t, http.StatusSeeOther, s.Reader().Post("/sign-in", credentials("alice", "another password")).Status)
}

func TestDisabledUserIsOutAtOnce(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	admin, bob := s.As("alice", "admin"), s.As("bob", "admin:acme")
	secret, err := s.Store.AddToken(t.Context(), catalog.NewToken{Name: "bobs", User: "bob", Grants: s.Grants("viewer:acme"), ExpiresAt: s.Clock.Now().Add(time.Hour)}, s.Clock.Now())
	require.NoError(t, err)
	program := s.Reader()
	program.Header.Set("Authorization", "Bearer "+secret)
	require.Equal(t, http.StatusOK, program.Get("/").Status)

	require.Equal(t, "/users/bob", admin.Post("/users/bob/disable", url.Values{}).Location)
	require.Equal(t, http.StatusSeeOther, bob.Get("/").Status)
	require.Equal(t, http.StatusSeeOther, program.Get("/").Status)
	require.Equal(t, http.StatusUnauthorized, s.Reader().Post("/sign-in", credentials("bob", webtest.Password)).Status)
	// Enabled again, the session that was open stays ended.
	admin.Post("/users/bob/enable", url.Values{})
	require.Equal(t, http.StatusSeeOther, bob.Get("/").Status)
	require.Equal(t, http.StatusOK, program.Get("/").Status)
	require.Contains(t, admin.Post("/users/alice/disable", url.Values{}).Body, "You cannot disable yourself")
}

func TestTooManyFailuresLockForAWhile(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	s.AddUser("alice", "viewer")
	for _, user := range []string{"alice", "nobody"} {
		for range catalog.AttemptsOfUserAtIP {
			a := s.Reader().Post("/sign-in", credentials(user, "a wrong password"))
			require.Equal(t, http.StatusUnauthorized, a.Status)
			require.Contains(t, a.Body, "User or password is wrong")
		}
		a := s.Reader().Post("/sign-in", credentials(user, webtest.Password))
		require.Equal(t, http.StatusTooManyRequests, a.Status, "whether %s is there is not told", user)
		require.Contains(t, a.Body, "ry again after 12:15 UTC")
	}
	s.Clock.Advance(catalog.AttemptWindow - time.Second)
	require.Equal(t, http.StatusTooManyRequests, s.Reader().Post("/sign-in", credentials("alice", webtest.Password)).Status)
	s.Clock.Advance(time.Second)
	require.Equal(t, http.StatusSeeOther, s.Reader().Post("/sign-in", credentials("alice", webtest.Password)).Status)

	entries, err := s.Store.Audit(t.Context(), "alice", 10)
	require.NoError(t, err)
	require.Equal(t, "session.start", entries[0].Action)
	require.Equal(t, "session.refuse", entries[1].Action)
	require.NotContains(t, string(entries[1].Detail), "wrong password")
}

func TestManyAddressesAndManyNamesAreLocked(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	now := s.Clock.Now()
	for i := range catalog.AttemptsOfIP {
		_, err := s.Store.BeginSignIn(t.Context(), strings.Repeat("x", i+1), "192.0.2.1", now)
		require.NoError(t, err)
	}
	_, err := s.Store.BeginSignIn(t.Context(), "alice", "192.0.2.1", now)
	require.True(t, catalog.IsLocked(err), "one address that tries many names")
	addr := netip.MustParseAddr("198.51.100.0")
	for range catalog.AttemptsOfUser {
		_, err := s.Store.BeginSignIn(t.Context(), "alice", addr.String(), now)
		require.NoError(t, err)
		addr = addr.Next()
	}
	_, err = s.Store.BeginSignIn(t.Context(), "alice", addr.String(), now)
	require.True(t, catalog.IsLocked(err), "many addresses that try one name")
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	s.AddUser("alice", "viewer")
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "\\\\evil.example", "javascript:alert(1)",
		"evil.example", "", "/sign-out", "/sign-in?next=/x", "http:/evil.example", "/%2fevil.example ", "/%5cevil.example", "/\r\nSet-Cookie: a=b", "//user@evil.example",
	} {
		form := credentials("alice", webtest.Password)
		form.Set("next", next)
		a := s.Reader().Post("/sign-in", form)
		require.Equal(t, "/", a.Location, "%q", next)
		require.Contains(t, s.Reader().Get("/sign-in?next="+url.QueryEscape(next)).Body, `name="next" value="/"`, "%q", next)
	}
	require.Equal(t, "/hosts?q=a%20b", server.SafePath("/hosts?q=a%20b"))
}

func TestCookiesOverHTTPS(t *testing.T) {
	t.Parallel()
	s := webtest.New(t, func(o *web.Options) { o.URL = "https://backup.example" })
	s.AddUser("alice", "viewer")
	r := s.Reader()
	a := r.Post("/sign-in", credentials("alice", webtest.Password))
	cookie := a.Cookies[0]
	require.Equal(t, "__Host-planb", cookie.Name)
	require.True(t, cookie.Secure)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)
	require.NotEmpty(t, a.Header.Get("Strict-Transport-Security"))
	r.Header.Set("Origin", "https://backup.example")
	require.Equal(t, http.StatusSeeOther, r.Post("/sign-in", credentials("alice", webtest.Password)).Status,
		"the proxy in front may pass another Host on")
}

func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	s := webtest.New(t, func(o *web.Options) { o.Proxies = "127.0.0.1, 10.0.0.0/8" })
	s.AddUser("alice", "viewer")
	for forwarded, want := range map[string]string{
		"":                           "127.0.0.1",
		"192.0.2.7":                  "192.0.2.7",
		"203.0.113.9, 192.0.2.7":     "192.0.2.7",
		"192.0.2.8, 10.1.2.3":        "192.0.2.8",
		"garbage":                    "127.0.0.1",
		"::ffff:192.0.2.9":           "192.0.2.9",
		"192.0.2.10, not an address": "127.0.0.1",
	} {
		r := s.Reader()
		r.Header.Set("X-Forwarded-For", forwarded)
		require.Equal(t, http.StatusSeeOther, r.Post("/sign-in", credentials("alice", webtest.Password)).Status)
		entries, err := s.Store.Audit(t.Context(), "alice", 1)
		require.NoError(t, err)
		require.JSONEq(t, `{"ip":"`+want+`"}`, string(entries[0].Detail), forwarded)
	}
	_, err := server.ParseProxies("10.0.0.0/8, proxy.example")
	require.ErrorContains(t, err, "web.trusted_proxies")
}

func TestProgramsGetJSON(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	a := s.Reader().Get("/api/v1/nothing")
	require.Equal(t, http.StatusNotFound, a.Status)
	require.Equal(t, "application/json; charset=utf-8", a.Header.Get("Content-Type"))
	require.Contains(t, a.Body, `"title":"Not found"`)
}

func TestExpiredTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	admin := s.As("alice", "admin")
	a := admin.Post("/tokens", url.Values{"name": {"ci"}, "days": {"2"}, "role": {"viewer", ""}, "group": {"", ""}})
	require.Equal(t, http.StatusCreated, a.Status)
	_, rest, found := strings.Cut(a.Body, `class="secret h3">`)
	require.True(t, found)
	secret, _, _ := strings.Cut(rest, "<")
	program := s.Reader()
	program.Header.Set("Authorization", "Bearer "+secret)
	require.Equal(t, http.StatusOK, program.Get("/").Status)
	require.Equal(t, http.StatusForbidden, program.Get("/users").Status)
	require.Equal(t, http.StatusForbidden, program.Get("/account").Status)
	require.NotContains(t, admin.Get("/tokens").Body, secret)
	s.Clock.Advance(48 * time.Hour)
	require.Equal(t, http.StatusSeeOther, program.Get("/").Status)
	program.Header.Set("Authorization", "Bearer planb_guess")
	require.Equal(t, http.StatusSeeOther, program.Get("/").Status)
}

func TestWrongMethodsAndLargeForms(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	r := s.As("alice", "admin")
	a := r.Post("/", url.Values{})
	require.Equal(t, http.StatusMethodNotAllowed, a.Status)
	require.Equal(t, "GET", a.Header.Get("Allow"))
	a = r.Post("/users", url.Values{"name": {strings.Repeat("x", 2<<20)}})
	require.Equal(t, http.StatusRequestEntityTooLarge, a.Status)
}

func TestStaticFilesMayBeKept(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	r := s.Reader()
	_, rest, _ := strings.Cut(r.Get("/sign-in").Body, `rel="stylesheet" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	a := r.Get(path)
	require.Equal(t, http.StatusOK, a.Status)
	require.Contains(t, a.Header.Get("Cache-Control"), "immutable")
	require.Equal(t, "text/css; charset=utf-8", a.Header.Get("Content-Type"))
	r.Header.Set("If-None-Match", a.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, r.Get(path).Status)
	for _, none := range []string{"/static/", "/static/tabler.min.css", "/static/../web.go", "/static/lib/VENDORED", "/static/%2e%2e/go.mod"} {
		require.NotEqual(t, http.StatusOK, s.Reader().Get(none).Status, none)
	}
}

func TestThemeIsKeptForTheReader(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	r := s.As("alice", "viewer")
	require.NotContains(t, r.Get("/").Body, "data-bs-theme")
	require.Equal(t, "/?a=b", r.Post("/theme", url.Values{"theme": {"dark"}, "next": {"/?a=b"}}).Location)
	require.Contains(t, r.Get("/").Body, `data-bs-theme="dark"`)
	r.Post("/theme", url.Values{"theme": {""}, "next": {"/"}})
	require.NotContains(t, r.Get("/").Body, "data-bs-theme")
}
