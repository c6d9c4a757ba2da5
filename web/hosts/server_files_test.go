package hosts_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/webtest"
)

const forAdmins = "names a file on the storage server"

// Settings that name files on the storage server are for admins of all groups:
// who manages one group sees them, and changes all else.
func TestFilesOnTheServerAreForAdminsOfAllGroups(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	web1 := ident.Host{Group: "acme", Name: "web1"}
	_, err := s.Store.AddHost(t.Context(), catalog.NewHost{
		Host: web1, Address: "192.0.2.1", AddGroup: true,
		Settings: policy.Settings{SSHKey: new("/etc/planb/web1"), PasswordFile: new("")},
	})
	require.NoError(t, err)
	settings := func() policy.Settings {
		t.Helper()
		own, err := s.Store.Settings(t.Context(), catalog.OfHost(web1))
		require.NoError(t, err)
		return own
	}
	manager, admin := s.As("ada", "admin:acme"), s.As("root", "admin")
	const edit = "/hosts/acme/web1/edit"
	require.Regexp(t, `(?s)id="p-ssh_key"[^>]*value="/etc/planb/web1"[^>]*readonly`, manager.Get(edit).Body)
	require.NotContains(t, admin.Get(edit).Body, "readonly")

	// As the form sends it, with another value elsewhere.
	form := url.Values{
		"address": {"192.0.2.1"}, "p-keep": {"3d"}, "p-ssh_key": {"/etc/planb/web1"}, "p-ssh_key-was": {"own:/etc/planb/web1"},
		"p-password_file-none": {"1"}, "p-password_file-was": {"none"},
	}
	require.Equal(t, http.StatusSeeOther, manager.Post(edit, form).Status)
	require.Equal(t, "3d", settings().Keep.String())
	require.Equal(t, "/etc/planb/web1", *settings().SSHKey)

	for _, wrong := range []url.Values{
		{"p-ssh_key": {"/root/.ssh/id_rsa"}},
		{"p-ssh_key": {""}, "p-ssh_key-was": {"own:/etc/planb/web1"}},
		{"p-password_file": {"/etc/shadow"}},
	} {
		wrong.Set("address", "192.0.2.66")
		a := manager.Post(edit, wrong)
		require.GreaterOrEqual(t, a.Status, 400, wrong)
		require.Contains(t, a.Body, forAdmins)
		wrong.Set("do", "probe")
		require.Contains(t, manager.Post(edit, wrong).Body, "have an admin of all groups change it")
		wrong.Set("do", "save")
		wrong.Set("group", "acme")
		wrong.Set("name", "new1")
		if wrong.Get("p-ssh_key")+wrong.Get("p-password_file") != "" {
			require.GreaterOrEqual(t, manager.Post("/hosts/new", wrong).Status, 400)
			require.GreaterOrEqual(t, manager.Post("/groups/acme/edit", wrong).Status, 400)
		}
	}
	require.Equal(t, "/etc/planb/web1", *settings().SSHKey)
	h, err := s.Store.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, "192.0.2.1", h.Address, "all of it or nothing")
	_, err = s.Store.Host(t.Context(), ident.Host{Group: "acme", Name: "new1"})
	require.True(t, catalog.IsNotFound(err))

	copied := manager.Get("/hosts/new?like=acme/web1").Body
	require.Contains(t, copied, `value="3d"`)
	require.NotContains(t, copied, "/etc/planb/web1")
	require.Contains(t, admin.Get("/hosts/new?like=acme/web1").Body, "/etc/planb/web1")
	form.Set("p-ssh_key", "/etc/planb/other")
	require.Equal(t, http.StatusSeeOther, admin.Post(edit, form).Status)
	require.Equal(t, "/etc/planb/other", *settings().SSHKey)
}
