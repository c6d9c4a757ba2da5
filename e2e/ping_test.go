package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// TestPing has a dead man's switch told of each good snapshot, and of no failure.
func TestPing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.RequestURI)
	}))
	t.Cleanup(receiver.Close)
	pings := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, got...)
	}
	s, _ := newSite(t, "pings", fmt.Sprintf(`notify:
  channels:
    - {name: alive, type: ping, url: "%s/{group}/{host}"}
`, receiver.URL))
	server := sshtest.Server(t, sshtest.Options{Root: source(t)})
	s.must("group", "add", "told")
	s.must(append(addArgs("told/web1", server), "--include", "/")...)
	s.must("backup", "told/web1", "--wait")
	require.Eventually(t, func() bool { return len(pings()) == 1 }, patience, 100*time.Millisecond, "%s", s.log)
	require.Equal(t, []string{"/told/web1"}, pings())

	server.Kill()
	require.Equal(t, failed, planbWith(t, s.env(), "backup", "told/web1", "--wait").code)
	require.Equal(t, failed, planbWith(t, s.env(), "notify", "test", "alive").code)
	server.Start()
	// Once every notice is done with, also that of the failure, no more can come.
	s.must("backup", "told/web1", "--wait")
	require.Eventually(t, func() bool {
		for _, n := range decode(t, s.must("notices", "--undelivered", "--json")) {
			if n["done_at"] == nil {
				return false
			}
		}
		return len(pings()) >= 2
	}, patience, 100*time.Millisecond, "%s", s.log)
	require.Equal(t, []string{"/told/web1", "/told/web1"}, pings())
}
