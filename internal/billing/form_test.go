package billing

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

func TestFormIsWhatTheFirstPlanBPosted(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int, request) (int, string) { return http.StatusOK, "OK" })
	answers, err := r.poster(t, config.BillingPoster{Kind: "form"}).Post(t.Context(), samples())
	require.NoError(t, err)
	require.Equal(t, []string{Posted, Posted, Posted}, states(answers))
	var bodies []string
	for i, got := range r.requests() {
		require.Equal(t, "/api/", got.path)
		require.Equal(t, "application/x-www-form-urlencoded", got.kind)
		require.Equal(t, "PlanB", got.agent)
		require.Equal(t, samples()[i].Key, got.key)
		require.Equal(t, string(got.body), answers[i].Sent)
		bodies = append(bodies, string(got.body))
	}
	golden(t, "form.txt", []byte(strings.Join(bodies, "\n")))
}

func TestFormBillsNoHostUnderTheNameOfAnother(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int, request) (int, string) { return http.StatusOK, "OK" })
	list := samples()[:2]
	list[1].Namesake = list[0].Group + "/" + list[0].Host
	answers, err := r.poster(t, config.BillingPoster{Kind: "form"}).Post(t.Context(), list)
	require.NoError(t, err)
	require.Equal(t, []string{Posted, Refused}, states(answers))
	require.Contains(t, answers[1].Error, "as it does "+list[1].Namesake+": rename one of the two")
	require.Len(t, r.requests(), 1)
}

func TestFormTellsAnswersApart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		state  string
		says   string
	}{
		"exists":                   {200, "<p>Backup history with this Name and Date already exists.</p>", "existed", ""},
		"exists and is no success": {400, "Backup history with this Name and Date already exists.", "existed", ""},
		"not known":                {200, "no such\nname", Refused, "the receiver answered 200 OK: no such name"},
		"refused":                  {422, "size?", Refused, "422 Unprocessable Entity: size?"},
		"not let in":               {403, "", "", "office: the receiver answered 403 Forbidden"},
		"moved":                    {302, "OK", "", "set url to where it leads"},
		"broken":                   {500, "OK", "", "500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(int, request) (int, string) { return tc.status, tc.body })
			answers, err := r.poster(t, config.BillingPoster{Kind: "form"}).Post(t.Context(), samples()[:1])
			require.Equal(t, []string{tc.state}, states(answers))
			if tc.state == "" {
				require.ErrorContains(t, err, tc.says)
			} else {
				require.NoError(t, err)
				require.Contains(t, answers[0].Error, tc.says)
			}
			want := 1
			if tc.status == 500 {
				want = tries
			}
			require.Len(t, r.requests(), want)
		})
	}
}

// The answer is lost after the receiver took the sample: sent again, it is there.
func TestLostAnswerIsNotBilledTwice(t *testing.T) {
	t.Parallel()
	taken := 0
	r := newReceiver(t, func(n int, _ request) (int, string) {
		if n == 1 {
			taken++
			return 0, ""
		}
		return 200, formExists
	})
	answers, err := r.poster(t, config.BillingPoster{Kind: "form"}).Post(t.Context(), samples()[:1])
	require.NoError(t, err)
	require.Equal(t, []string{"existed"}, states(answers))
	require.Equal(t, 1, taken)
	require.Len(t, r.requests(), 2)
}

func TestHangingReceiverIsLeft(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	r := newReceiver(t, func(int, request) (int, string) { <-done; return 200, "OK" })
	t.Cleanup(func() { close(done) }) // before the server waits for it
	p := r.poster(t, config.BillingPoster{Kind: "form", Token: "hush-hush"})
	p.(form).client.HTTPClient.Timeout = 50 * time.Millisecond
	answers, err := p.Post(t.Context(), samples()[:1])
	require.ErrorContains(t, err, "office: the receiver does not answer")
	require.NotContains(t, err.Error(), r.URL)
	require.Equal(t, []string{""}, states(answers))
	require.Len(t, r.requests(), tries)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Post(ctx, samples()[:1])
	require.ErrorIs(t, err, context.Canceled)
}
