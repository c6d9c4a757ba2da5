package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBillingPosters(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, ""), nil)
	require.NoError(t, err)
	require.Equal(t, Billing{Timezone: "UTC", CatchUp: 7}, c.Billing)

	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("from a file\n"), 0o600))
	c, err = Load(write(t, `
billing:
  timezone: Europe/Amsterdam
  catch_up: 3
  posters:
    - {name: office, kind: form, url: "https://a.example/"}
    - {name: usage, kind: rest, url: "https://b.example/", token_file: `+token+`}
`), []string{"PLANB_BILLING_POSTERS_OFFICE_TOKEN=from a variable", "PLANB_BILLING_CATCH_UP=5"})
	require.NoError(t, err)
	require.Equal(t, 5, c.Billing.CatchUp)
	require.Equal(t, "from a variable", c.Billing.Posters[0].Token)
	require.Equal(t, "from a file", c.Billing.Posters[1].Token)
	zone, err := c.Billing.Zone()
	require.NoError(t, err)
	require.Equal(t, "Europe/Amsterdam", zone.String())
}

func TestBillingMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"billing: {timezone: Mars/Base}":                     `billing.timezone "Mars/Base" is not known`,
		"billing: {timezone: Local}":                         "name a zone such as",
		"billing: {catch_up: 400}":                           "from 1 to 90 days",
		"billing: {posters: [{name: Office}]}":               `the name "Office"`,
		"billing: {posters: [{kind: form}]}":                 `the name ""`,
		"billing: {posters: [{name: a}, {name: a}]}":         "two called a",
		"billing: {posters: [{name: a, token_file: /none}]}": "billing.posters, a: open /none",
		"billing: {posters: [{name: a, tokn: x}]}":           "unknown field",
	} {
		_, err := Load(write(t, text), nil)
		require.ErrorContains(t, err, want, text)
	}
}
