package outgoing_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/outgoing"
)

// An answer that asks for an hour's patience does not get it, and one that points
// elsewhere is not followed.
func TestAnswersBoundNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	c := outgoing.NewClient(2, 10*time.Second)
	c.RetryWaitMin, c.RetryWaitMax = time.Millisecond, time.Millisecond
	for path, want := range map[string]struct{ status, asked int }{
		"/busy": {http.StatusServiceUnavailable, 2}, "/moved": {http.StatusFound, 1},
	} {
		asked.Store(0)
		r, err := c.Get(s.URL + path)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
		require.Equal(t, want.status, r.StatusCode)
		require.EqualValues(t, want.asked, asked.Load(), path)
	}
}

func TestErrorsDoNotTellTheAddress(t *testing.T) {
	t.Parallel()
	c := outgoing.NewClient(1, 10*time.Second)
	_, err := c.HTTPClient.Get("http://127.0.0.1:1/secret") //nolint:noctx // nobody listens
	require.ErrorContains(t, err, "secret")
	require.NotContains(t, outgoing.WithoutURL(err).Error(), "secret")
}
