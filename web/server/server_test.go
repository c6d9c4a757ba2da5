package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
)

func quiet() *Server {
	return New(Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

func TestDownloadIsNeverShown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"/etc/nginx/nginx.conf": `attachment; filename=nginx.conf`,
		"/":                     `attachment; filename=download`,
		"..":                    `attachment; filename=download`,
		"":                      `attachment; filename=download`,
		"/a/b\r\nX: y":          `attachment; filename="b__X_ y"`,
		"/ü":                    `attachment; filename*=utf-8''%C3%BC`,
		"/a\"b\xff":             `attachment; filename=a_b_`,
	} {
		w := httptest.NewRecorder()
		Download(w, name)
		require.Equal(t, want, w.Header().Get("Content-Disposition"), "%q", name)
		require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"))
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "sandbox")
	}
}

func TestRoutesWithoutARightAreNotServed(t *testing.T) {
	t.Parallel()
	nothing := func(http.ResponseWriter, *http.Request) error { return nil }
	for _, route := range []Route{
		{Method: http.MethodGet, Pattern: "/x", Handle: nothing},
		{Method: http.MethodGet, Pattern: "/x", Right: "all", Handle: nothing},
		{Method: http.MethodPost, Pattern: "/x", Right: access.View, Handle: nothing},
	} {
		require.Panics(t, func() { quiet().Handler([]Route{route}) })
	}
}

func TestFaultsAreToldWithoutTheirInside(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
	h := s.Handler([]Route{
		Open(http.MethodGet, "/error", func(http.ResponseWriter, *http.Request) error { return errors.New("secret inside") }),
		Open(http.MethodGet, "/panic", func(http.ResponseWriter, *http.Request) error { panic("secret inside") }),
		Open(http.MethodGet, "/api/panic", func(http.ResponseWriter, *http.Request) error { panic("secret inside") }),
	})
	for _, path := range []string{"/error", "/panic", "/api/panic"} {
		log.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusInternalServerError, w.Code)
		require.NotContains(t, w.Body.String(), "secret inside")
		require.Contains(t, log.String(), "secret inside")
		_, id, _ := strings.Cut(log.String(), "request=")
		id, _, _ = strings.Cut(id, " ")
		require.Contains(t, w.Body.String(), id, "the number on the page finds the line in the log")
	}
}

func TestLiveParts(t *testing.T) {
	t.Parallel()
	s := quiet()
	h := s.Handler([]Route{{Method: http.MethodGet, Pattern: "/part", Right: access.View, Handle: nil}})
	r := httptest.NewRequest(http.MethodGet, "/part", nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Current-URL", "https://evil.example/fleet?sort=name")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Equal(t, "/sign-in?next=%2Ffleet%3Fsort%3Dname", w.Header().Get("HX-Redirect"), "the page is signed in to again, not its part")
}

func FuzzSafePath(f *testing.F) {
	for _, seed := range []string{"/", "//x", "/\\x", "/a?b=c", "/%2f%2fevil", "/..//evil", "///x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := SafePath(path)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Fatalf("%q leads to %q", path, got)
		}
		if SafePath(got) != got {
			t.Fatalf("%q becomes %q, and that %q", path, got, SafePath(got))
		}
	})
}
