package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "planb.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return Load(file, nil)
}

const channels = `
notify:
  channels:
    - {name: hook, type: webhook, url: "https://a.example", secret: "0123456789abcdef"}
    - {name: ops, type: mail, server: "a.example:25", from: a@a.example, to: [ops@a.example]}
    - {name: office, type: mail, server: "a.example:25", from: a@a.example, to: [office@a.example]}
`

func TestReports(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, "state: /tmp")
	require.NoError(t, err)
	require.Nil(t, c.Reports.Mail(c.Notify))

	c, err = loadText(t, channels)
	require.NoError(t, err)
	require.Equal(t, "ops", c.Reports.Mail(c.Notify).Name, "the first one for mail")
	require.Equal(t, []string{"ops@a.example"}, c.Reports.DigestTo)
	at, err := c.Reports.Clock()
	require.NoError(t, err)
	require.Equal(t, 7*time.Hour, at)
	require.Equal(t, []string{"on", "on", "UTC"}, []string{c.Reports.Digest, c.Reports.Monthly, c.Reports.Timezone})

	c, err = loadText(t, channels+`reports: {channel: office, at: "23:30", timezone: Europe/Amsterdam, monthly: off, digest_to: [me@a.example]}`)
	require.NoError(t, err)
	require.Equal(t, "office", c.Reports.Mail(c.Notify).Name)
	require.Equal(t, []string{"me@a.example"}, c.Reports.DigestTo)
	require.Equal(t, "off", c.Reports.Monthly)
	at, err = c.Reports.Clock()
	require.NoError(t, err)
	require.Equal(t, 23*time.Hour+30*time.Minute, at)

	for text, want := range map[string]string{
		"channel: hook":            `reports.channel is "hook"`,
		"channel: nobody":          `reports.channel is "nobody"`,
		`at: "25:00"`:              `reports.at is "25:00"`,
		"timezone: Europe/Nowhere": `reports.timezone "Europe/Nowhere"`,
		"timezone: Local":          "reports.timezone is Local",
		"digest: maybe":            `reports.digest is "maybe"`,
		"when: never":              "unknown field",
	} {
		_, err := loadText(t, channels+"reports: {"+text+"}")
		require.ErrorContains(t, err, want)
	}
}
