package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web"
	"planb/web/webtest"
)

func TestHealthNeedsNoSignIn(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	require.Equal(t, http.StatusOK, s.Reader().Get("/healthz").Status)
	s.Store.Close()
	require.Equal(t, http.StatusServiceUnavailable, s.Reader().Get("/healthz").Status)
}

func TestFirstAdminComesFromTheConfigurationOnce(t *testing.T) {
	t.Parallel()
	s := webtest.New(t, func(o *web.Options) { o.User, o.Password = "admin", webtest.Password })
	r := s.SignIn("admin")
	require.Equal(t, http.StatusOK, r.Get("/").Status)

	other := s.Options
	other.User, other.Password = "eve", "another password"
	_, err := web.Handler(t.Context(), other)
	require.NoError(t, err)
	users, err := s.Store.Users(t.Context())
	require.NoError(t, err)
	require.Len(t, users, 1, "with a user there, the configuration adds none")
}

func TestFleetShowsEachReaderTheirGroups(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	for _, h := range []ident.Host{{Group: "acme", Name: "web1"}, {Group: "umbrella", Name: "db1"}} {
		_, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: h, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	r := s.Reader()
	a := r.Get("/")
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, "/sign-in", a.Location)
	require.NotContains(t, a.Body, "acme")

	all := s.As("alice", "viewer").Get("/")
	require.Contains(t, all.Body, "acme/web1")
	require.Contains(t, all.Body, "umbrella/db1")
	one := s.As("bob", "viewer:acme").Get("/")
	require.Contains(t, one.Body, "acme/web1")
	require.NotContains(t, one.Body, "umbrella")
}

func TestSignInWithPasswordEachTime(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	s.AddUser("alice", "viewer")
	r := s.Reader()
	req := func(password string) webtest.Answer {
		q := &http.Request{Header: http.Header{}}
		q.SetBasicAuth("alice", password)
		r.Header = q.Header
		return r.Get("/")
	}
	require.Equal(t, http.StatusOK, req(webtest.Password).Status)
	require.Equal(t, http.StatusOK, req(webtest.Password).Status)
	require.Equal(t, http.StatusSeeOther, req("wrong password").Status)
	sessions, err := s.Store.Sessions(t.Context(), "alice", s.Clock.Now())
	require.NoError(t, err)
	require.Empty(t, sessions)
	_, err = s.Store.SetUserEnabled(t.Context(), "alice", false)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, req(webtest.Password).Status)
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	s.AddUser("alice", "viewer")
	r := s.Reader()
	require.Equal(t, "/sign-in?next=%2F%3Fx%3D1", r.Get("/?x=1").Location)
	a := r.Post("/sign-in", url.Values{"user": {" Alice "}, "password": {webtest.Password}, "next": {"/?x=1"}})
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, "/?x=1", a.Location)
	require.Equal(t, http.StatusOK, r.Get("/").Status)
	cookie := a.Cookies[0]
	require.Equal(t, "planb", cookie.Name)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)

	require.Equal(t, "/sign-in", r.Post("/sign-out", url.Values{}).Location)
	require.Equal(t, http.StatusSeeOther, r.Get("/").Status)
	// The cookie that somebody kept is worth nothing either.
	kept := s.Reader()
	kept.Header.Set("Cookie", cookie.Name+"="+cookie.Value)
	require.Equal(t, http.StatusSeeOther, kept.Get("/").Status)
}

func TestSessionsEndByThemselves(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	r := s.As("alice", "viewer")
	for range 14 { // in use each half day but one hour
		s.Clock.Advance(catalog.IdleSession - time.Hour)
		require.Equal(t, http.StatusOK, r.Get("/").Status)
	}
	s.Clock.Advance(catalog.WholeSession - 14*(catalog.IdleSession-time.Hour))
	require.Equal(t, http.StatusSeeOther, r.Get("/").Status, "no session outlives WholeSession")

	r = s.SignIn("alice")
	s.Clock.Advance(catalog.IdleSession)
	require.Equal(t, http.StatusSeeOther, r.Get("/").Status, "nor IdleSession without use")
}
