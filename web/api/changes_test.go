package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/api"
	"planb/web/api/client"
)

// A token for one group changes what its hosts are made of, but has no file of
// the storage server used for them.
func TestFilesOnTheServerAreForTokensOfAllGroups(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	web1, new1 := ident.Host{Group: "acme", Name: "web1"}, ident.Host{Group: "acme", Name: "new1"}
	manager, err := client.New(client.Options{URL: s.Server.URL, Token: token(t, s, "m", "admin:acme")})
	require.NoError(t, err)
	admin, err := client.New(client.Options{URL: s.Server.URL, Token: token(t, s, "a", "admin")})
	require.NoError(t, err)
	key := api.SettingsChange{Settings: map[string][]string{"ssh-key": {"/root/.ssh/id_rsa"}}}
	password := api.SettingsChange{Settings: map[string][]string{"password-file": {"/etc/shadow"}}}
	forbidden := func(err error) {
		t.Helper()
		var told *client.Error
		require.ErrorAs(t, err, &told)
		require.Equal(t, http.StatusForbidden, told.Status, told.Text)
		require.Contains(t, told.Text, "names a file on the storage server")
	}
	forbidden(manager.EditHost(t.Context(), web1, api.HostChange{SettingsChange: key}))
	forbidden(manager.EditHost(t.Context(), web1, api.HostChange{SettingsChange: password}))
	forbidden(manager.EditGroup(t.Context(), "acme", api.GroupChange{SettingsChange: key}))
	forbidden(manager.AddHost(t.Context(), new1, api.NewHost{HostChange: api.HostChange{Address: new("192.0.2.9"), SettingsChange: key}}))
	own, err := s.Store.Settings(t.Context(), catalog.OfHost(web1))
	require.NoError(t, err)
	require.Nil(t, own.SSHKey)

	// Temporal is away, and the catalog has it all the same.
	require.ErrorContains(t, admin.EditHost(t.Context(), web1, api.HostChange{SettingsChange: key}), "Temporal does not answer")
	own, err = s.Store.Settings(t.Context(), catalog.OfHost(web1))
	require.NoError(t, err)
	require.Equal(t, policy.Settings{SSHKey: new("/root/.ssh/id_rsa")}, own)
	forbidden(manager.EditHost(t.Context(), web1, api.HostChange{SettingsChange: api.SettingsChange{Unset: []string{"ssh-key"}}}))
	forbidden(manager.AddHost(t.Context(), new1, api.NewHost{Like: "acme/web1", HostChange: api.HostChange{Address: new("192.0.2.9")}}))
	_, err = s.Store.Host(t.Context(), new1)
	require.True(t, catalog.IsNotFound(err))

	// So are the keys of a jump host, which are those of all hosts behind it.
	require.NoError(t, s.Store.EditSettings(t.Context(), catalog.OfHost(web1), func(set *policy.Settings) error {
		return set.Set("jump_host", "me@gate.example")
	}))
	require.NoError(t, s.Store.PinJumpHostKeys(t.Context(), "me@gate.example", []string{"ssh-ed25519 AAAA"}))
	pinned := func() []string {
		t.Helper()
		keys, err := s.Store.JumpHostKeys(t.Context(), "me@gate.example")
		require.NoError(t, err)
		return keys
	}
	err = manager.EditHost(t.Context(), web1, api.HostChange{ForgetJumpHostKeys: true})
	var told *client.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, http.StatusForbidden, told.Status)
	require.NotEmpty(t, pinned())
	require.ErrorContains(t, admin.EditHost(t.Context(), web1, api.HostChange{ForgetJumpHostKeys: true}), "Temporal does not answer")
	require.Empty(t, pinned())
	require.ErrorContains(t, manager.EditHost(t.Context(), web1, api.HostChange{Notes: new("all else")}), "Temporal does not answer")
}
