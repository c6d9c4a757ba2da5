package billing

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

const restThere = `{"non_field_errors": ["` + restExists + `"]}`

func TestBatchIsWhatTheFirstPlanBPosted(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int, request) (int, string) { return http.StatusCreated, "[]" })
	answers, err := r.poster(t, config.BillingPoster{Kind: "rest", Token: "s3cret"}).Post(t.Context(), samples())
	require.NoError(t, err)
	require.Equal(t, []string{Posted, Posted, Posted}, states(answers))
	require.Len(t, r.requests(), 1)
	got := r.requests()[0]
	require.Equal(t, "/api/create_many/", got.path)
	require.Equal(t, "Token s3cret", got.auth)
	require.Equal(t, "application/json", got.kind)
	require.Equal(t, "PlanB", got.agent)
	golden(t, "rest.json", got.body)
	require.NotContains(t, answers[0].Sent, "s3cret")
}

// Of three, one is wrong and one is there: the third is sent again, alone.
func TestFailedItemsAreToldApart(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int, _ request) (int, string) {
		if n == 1 {
			return 400, `[{}, {"relation_code": ["Object does not exist."]}, ` + restThere + `]`
		}
		return 201, "[]"
	})
	answers, err := r.poster(t, config.BillingPoster{Kind: "rest", Token: "t"}).Post(t.Context(), samples())
	require.NoError(t, err)
	require.Equal(t, []string{Posted, Refused, "existed"}, states(answers))
	require.Contains(t, answers[1].Error, "Object does not exist.")
	require.Len(t, r.requests(), 2)
	var again []restItem
	require.NoError(t, json.Unmarshal(r.requests()[1].body, &again))
	require.Equal(t, []restItem{itemOf(samples()[0])}, again)
}

func TestRestOfABatchIsNotKnown(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int, _ request) (int, string) {
		if n == 1 {
			return 400, `[{}, {}, {"value": ["no"], "non_field_errors": ["` + restExists + `"]}]`
		}
		return 503, "later"
	})
	answers, err := r.poster(t, config.BillingPoster{Kind: "rest", Token: "t"}).Post(t.Context(), samples())
	require.ErrorContains(t, err, "503 Service Unavailable: later")
	require.Equal(t, []string{"", "", Refused}, states(answers), "another fault beside it is one")
}

func TestAnswersThatAreNotAboutTheBatch(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"detail": "malformed"}`, `[{}, {}, {}]`, `[{}]`, `<html>`, ``, `[null, null, null]`} {
		r := newReceiver(t, func(int, request) (int, string) { return 400, body })
		answers, err := r.poster(t, config.BillingPoster{Kind: "rest", Token: "t"}).Post(t.Context(), samples())
		require.ErrorContains(t, err, "400 Bad Request", body)
		require.Equal(t, []string{"", "", ""}, states(answers))
		require.Len(t, r.requests(), 1, "the same is not sent for ever: %s", body)
	}
	r := newReceiver(t, func(int, request) (int, string) { return 401, strings.Repeat("é", mostTold) })
	_, err := r.poster(t, config.BillingPoster{Kind: "rest", Token: "hush"}).Post(t.Context(), samples())
	require.ErrorContains(t, err, "401")
	require.NotContains(t, err.Error(), "hush")
	require.Less(t, len(err.Error()), mostTold+100)
}
