package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
)

var web1 = ident.Host{Group: "acme", Name: "web1"}

// addHost adds the host, and its group where it is not there.
func addHost(t *testing.T, s *catalog.Store, host ident.Host) catalog.Host {
	t.Helper()
	_, err := s.EnsureGroup(t.Context(), host.Group)
	require.NoError(t, err)
	h, err := s.AddHost(t.Context(), catalog.NewHost{Host: host, Address: host.Name + ".example"})
	require.NoError(t, err)
	return h
}

func TestHostIsKeptAsGiven(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	require.Equal(t, "web1.example", h.Address)
	require.Equal(t, catalog.TransportSSH, h.Transport)
	require.True(t, h.Enabled)
	require.Empty(t, h.Dataset)
	same, err := s.HostByID(t.Context(), h.ID)
	require.NoError(t, err)
	require.Equal(t, h, same)
}
