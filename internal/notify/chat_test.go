package notify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

func TestChat(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	status.Store(http.StatusOK)
	got := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
		w.WriteHeader(int(status.Load()))
	}))
	defer s.Close()
	address := "generic://" + strings.TrimPrefix(s.URL, "http://") + "/hidden?disabletls=yes"
	ch, err := New(config.Channel{Name: "room", Type: "chat", URL: address})
	require.NoError(t, err)
	require.NoError(t, ch.Send(t.Context(), "", sample()))
	require.Contains(t, <-got, "The backup of acme/web1 failed\n")

	for _, breaking := range []func(){func() { status.Store(http.StatusForbidden) }, s.Close} {
		breaking()
		err = ch.Send(t.Context(), "", sample())
		require.ErrorContains(t, err, "the chat service generic")
		require.NotContains(t, err.Error(), "hidden")
		require.False(t, Refused(err), "it can be mended")
	}
	for _, wrong := range []string{"", "hidden", "nothing://hidden@x", "slack://hidden"} {
		_, err = New(config.Channel{Name: "room", Type: "chat", URL: wrong})
		require.ErrorContains(t, err, "url is none that shoutrrr takes")
		require.NotContains(t, err.Error(), "hidden")
	}
}
