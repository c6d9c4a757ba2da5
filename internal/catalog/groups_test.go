package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
)

func TestGroupFromAddToRemove(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	g, err := s.AddGroup(t.Context(), "acme", catalog.GroupEdit{Emails: &[]string{"ops@acme.example"}})
	require.NoError(t, err)
	require.Equal(t, []string{"ops@acme.example"}, g.Emails)
	_, err = s.AddGroup(t.Context(), "acme", catalog.GroupEdit{})
	require.True(t, catalog.IsExists(err))
	_, err = s.AddGroup(t.Context(), "-acme", catalog.GroupEdit{})
	require.ErrorContains(t, err, "dash")
	made, err := s.EnsureGroup(t.Context(), "acme")
	require.NoError(t, err)
	require.False(t, made)

	g, err = s.EditGroup(t.Context(), "acme", catalog.GroupEdit{Notes: new("calls back")})
	require.NoError(t, err)
	require.Equal(t, []string{"ops@acme.example"}, g.Emails)
	require.Equal(t, "calls back", g.Notes)

	addHost(t, s, web1)
	require.NoError(t, s.RenameGroup(t.Context(), "acme", "emca"))
	g, err = s.Group(t.Context(), "emca")
	require.NoError(t, err)
	require.Equal(t, 1, g.Hosts)
	h, err := s.Host(t.Context(), ident.Host{Group: "emca", Name: "web1"})
	require.NoError(t, err)

	err = s.RemoveGroup(t.Context(), "emca")
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "still has hosts (1)")
	_, err = s.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	require.NoError(t, s.RemoveGroup(t.Context(), "emca"))
	require.True(t, catalog.IsNotFound(s.RemoveGroup(t.Context(), "emca")))
}

func TestMissingGroup(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	_, err := s.Group(t.Context(), "acme")
	require.True(t, catalog.IsNotFound(err))
	require.ErrorContains(t, err, "planb group add acme")
	_, err = s.EditGroup(t.Context(), "acme", catalog.GroupEdit{Notes: new("x")})
	require.True(t, catalog.IsNotFound(err))
	require.True(t, catalog.IsNotFound(s.RenameGroup(t.Context(), "acme", "b")))
	_, err = s.AddGroup(t.Context(), "a", catalog.GroupEdit{})
	require.NoError(t, err)
	_, err = s.AddGroup(t.Context(), "b", catalog.GroupEdit{})
	require.NoError(t, err)
	require.True(t, catalog.IsExists(s.RenameGroup(t.Context(), "a", "b")))
}
