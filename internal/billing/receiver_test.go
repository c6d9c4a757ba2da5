package billing

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file.
func golden(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(text)+"\n")
}

// request is what a receiver was sent.
type request struct {
	path, auth, agent, kind, key string
	body                         []byte
}

// receiver answers as it is told, and keeps what it was sent.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []request
	says func(n int, r request) (status int, body string)
}

// newReceiver starts one; says is called with how manieth request it is, from 1.
// Status 0 cuts the connection, after the request was read.
func newReceiver(t *testing.T, says func(n int, r request) (int, string)) *receiver {
	r := &receiver{says: says}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		h := req.Header
		got := request{req.URL.RequestURI(), h.Get("Authorization"), h.Get("User-Agent"), h.Get("Content-Type"), h.Get("Idempotency-Key"), body}
		r.mu.Lock()
		r.got = append(r.got, got)
		n := len(r.got)
		r.mu.Unlock()
		status, text := r.says(n, got)
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		if status/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.got...)
}

// poster makes a poster to r that does not wait long.
func (r *receiver) poster(t *testing.T, c config.BillingPoster) Poster {
	t.Helper()
	c.Name, c.URL = "office", r.URL+"/api/"
	list, err := New(config.Billing{Posters: []config.BillingPoster{c}})
	require.NoError(t, err)
	var s *sender
	switch p := list[0].(type) {
	case form:
		s = p.sender
	case rest:
		s = p.sender
	case *own:
		s = p.sender
	}
	s.client.RetryWaitMin, s.client.RetryWaitMax, s.client.HTTPClient.Timeout = time.Millisecond, 2*time.Millisecond, 2*time.Second
	return list[0]
}

func samples() []Sample {
	return []Sample{
		{
			Key: "2026-11-27/0b8c", Day: "2026-11-27", Group: "acme", Host: "web1", HostID: "0b8c", Enabled: true,
			Used: 5<<30 + 12345678, Referenced: 3 << 30, LogicalUsed: new(int64(9 << 30)), Snapshots: 31, Files: new(int64(123456)),
		},
		{Key: "2026-11-27/1c9d", Day: "2026-11-27", Group: "acme", Host: "db-1", HostID: "1c9d", Late: true, Used: 1234567, Referenced: 1000000, Snapshots: 2},
		{Key: "2026-11-27/2dae", Day: "2026-11-27", Group: "umbrella.nl", Host: "web1", HostID: "2dae", Enabled: true, Used: 0, Referenced: 0},
	}
}

func states(answers []Answer) []string {
	list := make([]string, len(answers))
	for i, a := range answers {
		if list[i] = a.State; a.Existed {
			list[i] = "existed"
		}
	}
	return list
}
