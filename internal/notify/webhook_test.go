package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

const hookSecret = "0123456789abcdef"

func hook(t *testing.T, h http.HandlerFunc) *webhook {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	ch, err := New(config.Channel{Name: "hook", Type: "webhook", URL: s.URL + "/?token=hidden", Secret: hookSecret})
	require.NoError(t, err)
	w := ch.(*webhook)
	w.client.RetryWaitMin, w.client.RetryWaitMax = time.Millisecond, time.Millisecond
	return w
}

func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := hook(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		body, _ := io.ReadAll(r.Body)
		at, sum, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("PlanB-Signature"), "t="), ",v1=")
		var n Notice
		if json.Unmarshal(body, &n) != nil || n.Host != "acme/web1" || sum != sign([]byte(hookSecret), at, body) ||
			r.Header.Get("Idempotency-Key") != n.Key || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	require.NoError(t, w.Send(t.Context(), "", sample()))
	require.EqualValues(t, 2, calls.Load(), "500, and then 200")
	// As `printf '1.{}' | openssl dgst -sha256 -hmac 0123456789abcdef` says.
	require.Equal(t, "2af693cb56b22c16912222aeefdc75a01de562bf70ee2015f41ecea48382997f", sign([]byte(hookSecret), "1", []byte("{}")))
}

func TestWebhookFailures(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusInternalServerError: "answered 500",
		http.StatusFound:               "set url to where it leads",
		http.StatusBadRequest:          "answered 400",
	} {
		w := hook(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		require.ErrorContains(t, w.Send(t.Context(), "", sample()), want)
	}
	end := make(chan struct{})
	w := hook(t, func(http.ResponseWriter, *http.Request) { <-end })
	defer close(end)
	w.client.HTTPClient.Timeout = 50 * time.Millisecond
	err := w.Send(t.Context(), "", sample())
	require.ErrorContains(t, err, "does not answer")
	require.NotContains(t, err.Error(), "hidden")
}
