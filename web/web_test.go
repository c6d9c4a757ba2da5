package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// hosts is a catalog that answers with what it holds.
type hosts struct {
	list []catalog.HostOverview
	err  error
}

func (h hosts) Ping(context.Context) error { return h.err }

func (h hosts) Overview(context.Context, catalog.HostFilter, time.Time) ([]catalog.HostOverview, error) {
	return h.list, h.err
}

func get(t *testing.T, f Fleet, path string, signIn bool) (*http.Response, string) {
	t.Helper()
	s := httptest.NewServer(Handler(Options{
		User: "admin", Password: "secret", Fleet: f, TemporalUI: "http://127.0.0.1:8080", Version: "v1", Log: slog.New(slog.DiscardHandler),
	}))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	if signIn {
		req.SetBasicAuth("admin", "secret")
	}
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func TestHealthNeedsNoSignIn(t *testing.T) {
	t.Parallel()
	res, _ := get(t, hosts{}, "/healthz", false)
	require.Equal(t, http.StatusOK, res.StatusCode)
	res, _ = get(t, hosts{err: errors.New("away")}, "/healthz", false)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
}

func TestFleetShowsHostsToThoseWhoSignIn(t *testing.T) {
	t.Parallel()
	good := time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)
	used := int64(3 << 20)
	f := hosts{list: []catalog.HostOverview{{
		Host: "acme/web1", Health: policy.HealthOK, State: "ok", LastGood: &good, UsedBytes: &used, Message: "<script>alert(1)</script>",
	}}}
	res, body := get(t, f, "/", false)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.NotContains(t, body, "acme")

	res, body = get(t, f, "/", true)
	require.Equal(t, http.StatusOK, res.StatusCode)
	for _, want := range []string{"acme/web1", "2026-11-23 01:30 UTC", "3.0 MiB", "http://127.0.0.1:8080", "&lt;script&gt;"} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "<script>")
	policy := res.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
}

func TestNoPasswordSignsNobodyIn(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(Handler(Options{Fleet: hosts{}, Log: slog.New(slog.DiscardHandler)}))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	req.SetBasicAuth("", "")
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestNothingIsWrittenThroughThePages(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(Handler(Options{Fleet: hosts{}, Log: slog.New(slog.DiscardHandler)}))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", nil)
	require.NoError(t, err)
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
}
