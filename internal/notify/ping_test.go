package notify

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// answering gives a server that counts what it gets by path, and answers status.
func answering(t *testing.T, status int) (address string, got func() []string) {
	t.Helper()
	calls := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- r.Method + " " + r.RequestURI
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		var all []string
		for len(calls) > 0 {
			all = append(all, <-calls)
		}
		return all
	}
}

// kinds are all kinds of notices.
var kinds = []Kind{
	Failed, Partial, Late, Suspect, Recovered, FirstSuccess, Disabled, Enabled, Good, Test,
	"mismatch", "long", "degraded", "errors", "unscrubbed", "room", "filling", "silent", "schedules", "billing",
}

func goodSample() Notice {
	return Notice{
		Key: "good/r7", Kind: Good, Severity: config.SeverityInfo, Host: "acme/web 1", Group: "acme",
		Title: "acme/web 1 has a good snapshot: daily-202611270130", Run: "r7", At: time.Now(),
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	where, got := answering(t, http.StatusOK)
	ch, err := New(config.Channel{Name: "alive", Type: "ping", URL: where + "/ping/{group}-{host}?of={host}"})
	require.NoError(t, err)
	require.NoError(t, ch.Send(t.Context(), "", goodSample()))
	require.Equal(t, []string{"GET /ping/acme-web%201?of=web%201"}, got())

	old := goodSample()
	old.At = time.Now().Add(-25 * time.Hour)
	require.True(t, Refused(ch.Send(t.Context(), "", old)))
	for _, kind := range kinds {
		n := goodSample()
		n.Kind = kind
		if kind != Good {
			require.True(t, Refused(ch.Send(t.Context(), "", n)), "%s", kind)
		}
	}
	require.Empty(t, got())
}

func TestPingFailures(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusNotFound} {
		where, _ := answering(t, status)
		ch, err := New(config.Channel{Name: "alive", Type: "ping", URL: where + "/hidden"})
		require.NoError(t, err)
		err = ch.Send(t.Context(), "", goodSample())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hidden")
		require.False(t, Refused(err), "it can be mended")
	}
}

// Who waits for good snapshots is told of nothing else, and nobody else of them.
func TestWhoIsToldOfGoodSnapshots(t *testing.T) {
	t.Parallel()
	where, got := answering(t, http.StatusOK)
	all, err := NewChannels(config.Notify{Channels: []config.Channel{
		{Name: "alive", Type: "ping", URL: where, Groups: []string{"acme"}},
		{Name: "hook", Type: "webhook", URL: where, Secret: hookSecret},
		mailConfig("127.0.0.1:25", ""),
	}})
	require.NoError(t, err)
	require.Equal(t, []Recipient{{"alive", ""}}, all.For(goodSample(), nil))
	require.True(t, all.WaitsForGood("acme"))
	require.False(t, all.WaitsForGood("other"))
	require.False(t, (*Channels)(nil).WaitsForGood("acme"))
	for _, r := range all.For(sample(), nil) {
		require.NotEqual(t, "alive", r.Channel)
	}
	// A channel may have become another one while a notice was on its way.
	require.True(t, Refused(all.Send(t.Context(), "alive", "", sample())))
	require.True(t, Refused(all.Send(t.Context(), "hook", "", goodSample())))
	require.Empty(t, got())
}
