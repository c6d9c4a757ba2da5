package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNotifyChannels(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("from a file\n"), 0o600))
	c, err := Load(write(t, `
notify:
  channels:
    - {name: ops, type: mail, server: "smtp.example:587", user: planb, from: planb@a.example, to: [ops@a.example], severity: error, groups: [acme]}
    - {name: hook, type: webhook, url: "https://a.example/", secret_file: `+secret+`}
`), []string{"PLANB_NOTIFY_CHANNELS_OPS_PASSWORD=from a variable"})
	require.NoError(t, err)
	require.Equal(t, "from a variable", c.Notify.Channels[0].Password)
	require.Equal(t, SeverityError, c.Notify.Channels[0].Severity)
	require.Equal(t, "from a file", c.Notify.Channels[1].Secret)
	require.Equal(t, SeverityInfo, c.Notify.Channels[1].Severity)
}

func TestNotifyMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"notify: {channels: [{name: Ops}]}":                       `the name "Ops"`,
		"notify: {channels: [{name: a}, {name: a}]}":              "two called a",
		"notify: {channels: [{name: a, severity: bad}]}":          "it is info, warning, error or critical",
		"notify: {channels: [{name: a, secret_file: /none}]}":     "notify.channels, a: open /none",
		"notify: {channels: [{name: a, sever: smtp.example:25}]}": "unknown field",
	} {
		_, err := Load(write(t, text), nil)
		require.ErrorContains(t, err, want, text)
	}
}
