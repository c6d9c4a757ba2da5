package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "planb.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFileThenVariables(t *testing.T) {
	t.Parallel()
	path := write(t, `
server: store1
state: /srv/planb
storages:
  - dataset: tank/BACKUP
limits:
  pulls: 6
  stop: 10s
  grace: 2w
  free_warn: 15
`)
	c, err := Load(path, []string{"PLANB_LIMITS_PULLS=8", "PLANB_DATABASE_URL=postgres:///planb", "PLANB_ZFS_SUDO=true", "HOME=/"})
	require.NoError(t, err)
	require.Equal(t, "store1", c.Server)
	require.Equal(t, []Storage{{Dataset: "tank/BACKUP"}}, c.Storages)
	require.Equal(t, Limits{Pulls: 8, PerAddress: 2, Storage: 16, Stop: 10 * time.Second, Grace: 2 * policy.Week, FreeWarn: 15, FreeStop: 2}, c.Limits)
	require.Equal(t, "postgres:///planb", c.Database.URL)
	require.True(t, c.ZFS.Sudo)
	require.Equal(t, "/srv/planb/ssh/id_ed25519", c.SSH.Key)
	require.Equal(t, "http://127.0.0.1:7480", c.Data.URL)
}

func TestStoragesVariable(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, ""), []string{"PLANB_STORAGES=a/B, c/D"})
	require.NoError(t, err)
	require.Equal(t, []Storage{{"a/B"}, {"c/D"}}, c.Storages)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		env  []string
		want string
	}{
		"unknown key":    {text: "sever: x\n", want: "unknown field \"sever\""},
		"not a number":   {env: []string{"PLANB_LIMITS_PULLS=many"}, want: `PLANB_LIMITS_PULLS="many": want a whole number`},
		"weak key":       {text: "data: {key: short}\n", want: "data.key has 5 characters but needs at least 32"},
		"no pulls":       {text: "limits: {pulls: -1}\n", want: "limits.pulls"},
		"no room at all": {text: "limits: {free_stop: 20}\n", want: "the first not above the second"},
		"missing secret": {text: "data: {key_file: /nonexistent}\n", want: "reading the key of the data service"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, tc.text), tc.env)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := Load("/nonexistent/planb.yaml", nil)
	require.ErrorContains(t, err, "cannot read the configuration")
}
