package operate_test

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/worker/operate"
)

func TestTemporalAwayIsToldAndChangesStay(t *testing.T) {
	t.Parallel()
	// A port at which nothing listens any more.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	tc, err := client.NewLazyClient(client.Options{HostPort: l.Addr().String()})
	require.NoError(t, err)
	defer tc.Close()
	s := catalogtest.Store(t)
	o := operate.Operator{Catalog: s, Temporal: tc}
	web1 := ident.Host{Group: "acme", Name: "web1"}

	_, err = o.BackUp(t.Context(), web1, operate.How{})
	require.True(t, catalog.IsNotFound(err), "%v", err)
	_, err = s.AddHost(t.Context(), catalog.NewHost{Host: web1, Address: "web1.example", AddGroup: true})
	require.NoError(t, err)
	var away *operate.UnavailableError
	_, err = o.BackUp(t.Context(), web1, operate.How{})
	require.True(t, errors.As(err, &away), "%T %v", err, err)
	_, err = o.Look(t.Context(), "backup/acme/web1", "x")
	require.True(t, errors.As(err, &away), "%T %v", err, err)

	err = o.SetEnabled(t.Context(), web1, false, "moving")
	require.True(t, errors.As(err, &away), "%T %v", err, err)
	require.ErrorContains(t, err, "the host is disabled, but Temporal does not answer")
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.False(t, h.Enabled)
	require.Equal(t, "moving", h.DisabledReason)
}
