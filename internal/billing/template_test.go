package billing

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

const invoice = `{"id": {{json .Key}}, "customer": {{json .Group}}, "server": {{json .Host}}, "day": {{json .Day}},
 "gib": {{printf "%.3f" (gib .Used)}}, "logical": {{json .LogicalUsed}}, "files": {{json .Files}}, "late": {{.Late}}}`

func TestTemplateOfOnesOwn(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int, _ request) (int, string) {
		return []int{201, 409, 200}[n-1], []string{"", "", "duplicate of 17"}[n-1]
	})
	answers, err := r.poster(t, config.BillingPoster{Kind: "template", Template: invoice, Token: "t0ken", Exists: "duplicate of"}).Post(t.Context(), samples())
	require.NoError(t, err)
	require.Equal(t, []string{Posted, "existed", "existed"}, states(answers))
	var bodies []string
	for i, got := range r.requests() {
		require.Equal(t, "Bearer t0ken", got.auth)
		require.Equal(t, samples()[i].Key, got.key)
		bodies = append(bodies, string(got.body))
	}
	golden(t, "template.json", []byte(strings.Join(bodies, "\n")))
}

func TestTemplateRefusals(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(n int, _ request) (int, string) { return []int{400, 404}[n-1], "no" })
	answers, err := r.poster(t, config.BillingPoster{Kind: "template", Template: invoice}).Post(t.Context(), samples())
	require.ErrorContains(t, err, "404")
	require.Equal(t, []string{Refused, "", ""}, states(answers))
}

func TestMistakesAreToldAtTheStart(t *testing.T) {
	t.Parallel()
	const address = "https://billing.example/"
	for name, tc := range map[string]struct {
		c    config.BillingPoster
		want string
	}{
		"no kind":             {config.BillingPoster{URL: address}, "give form, rest or template"},
		"no url":              {config.BillingPoster{Kind: "form", URL: "billing.example"}, "url must be"},
		"no token":            {config.BillingPoster{Kind: "rest", URL: address}, "token_file"},
		"no template":         {config.BillingPoster{Kind: "template", URL: address}, "template_file"},
		"broken template":     {config.BillingPoster{Kind: "template", URL: address, Template: "{{.Host"}, "cannot be read"},
		"unknown field":       {config.BillingPoster{Kind: "template", URL: address, Template: `{"a": {{json .Name}}}`}, "cannot be filled in"},
		"no JSON":             {config.BillingPoster{Kind: "template", URL: address, Template: `{"a": {{.Host}}}`}, "does not make JSON"},
		"what may be missing": {config.BillingPoster{Kind: "template", URL: address, Template: `{"a": {{gib .LogicalUsed}}}`}, "cannot be filled in"},
	} {
		tc.c.Name = "office"
		_, err := New(config.Billing{Posters: []config.BillingPoster{tc.c}})
		require.ErrorContains(t, err, "billing.posters, office: ", name)
		require.ErrorContains(t, err, tc.want, name)
	}
}
