package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/zfs"
)

// With a new catalog the data of a host is not taken for granted, and not lost.
func TestPrepareAfterTheCatalogWasLost(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	s.take(1, policy.StateOK)
	anew := s.plan
	anew.HostID = "33333333-aaaa-4000-8000-000000000003"
	_, err := try[Prepared](s, s.Prepare, anew)
	require.Equal(t, ErrTypeRefused, ErrType(err))
	require.Contains(t, Message(err), "belongs to an earlier acme/web1, which the catalog does not know")
	require.Contains(t, Remedy(err), "zfs set planb:host="+anew.HostID+" "+anew.Dataset)
	require.NoError(t, s.ZFS.SetProps(t.Context(), anew.Dataset, map[string]string{zfs.PropHost: anew.HostID}))
	do[Prepared](s, s.Prepare, anew)
	require.Len(t, s.there(), 1)

	anew.HostID, anew.Host = s.plan.HostID, ident.Host{Group: "acme", Name: "web2"}
	_, err = try[Prepared](s, s.Prepare, anew)
	require.Contains(t, Message(err), "belongs to another host, acme/web1")
}
