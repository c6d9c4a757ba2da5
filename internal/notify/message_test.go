package notify

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// golden compares with a file of testdata, which GOLDEN=write writes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GOLDEN") == "write" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m, err := messageOf(sample())
	require.NoError(t, err)
	golden(t, "failed.txt", m.subject+"\n\n"+m.text)
	golden(t, "failed.html", m.html)
	m, err = messageOf(Notice{Kind: Test, Title: "Short"})
	require.NoError(t, err)
	golden(t, "short.txt", m.subject+"\n\n"+m.text)
}

func TestVisible(t *testing.T) {
	t.Parallel()
	require.Equal(t, `a\x1b[31m é \u202e`+"\uFFFD", visible("a\x1b[31m é \u202e\xff"))
}

func TestTakes(t *testing.T) {
	t.Parallel()
	n := sample()
	require.True(t, Takes(config.Channel{Severity: config.SeverityError}, n))
	require.False(t, Takes(config.Channel{Severity: config.SeverityCritical}, n))
	require.True(t, Takes(config.Channel{Severity: config.SeverityInfo, Groups: []string{"acme"}}, n))
	require.False(t, Takes(config.Channel{Severity: config.SeverityInfo, Groups: []string{"other"}}, n))
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	c := mailConfig("127.0.0.1:25", "")
	c.ToGroup = true
	ch, err := New(c)
	require.NoError(t, err)
	require.Equal(t, []string{"ops@acme.example", "it@acme.example"}, ch.Recipients([]string{"it@acme.example", "ops@acme.example"}))
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]config.Channel{
		`there is no type "pigeon"`: {Type: "pigeon"},
		"give host:port":            {Type: "mail", Server: "smtp.example"},
		"from is":                   {Type: "mail", Server: "smtp.example:587"},
		"it needs to:":              {Type: "mail", Server: "smtp.example:587", From: "a@b.example"},
		`to has "nobody"`:           {Type: "mail", Server: "smtp.example:587", From: "a@b.example", To: []string{"nobody"}},
		`tls is "yes"`:              {Type: "mail", Server: "smtp.example:587", From: "a@b.example", TLS: "yes"},
		"a password needs":          {Type: "mail", Server: "smtp.example:587", From: "a@b.example", TLS: "none", User: "a"},
		"url must be":               {Type: "webhook", URL: "ftp://a.example"},
		"a secret of at least":      {Type: "webhook", URL: "https://a.example", Secret: "short"},
		"server is not for the type webhook, which takes url, url_file, secret, secret_file: remove it": {
			Type: "webhook", URL: "https://a.example", Secret: hookSecret, Server: "smtp.example:587",
		},
		"its arguments":   {Type: "command", Command: []string{"tell", "ops"}},
		"remove severity": {Type: "ping", URL: "https://a.example/{host}", Severity: config.SeverityError},
	} {
		_, err := New(c)
		require.ErrorContains(t, err, want)
	}
}
