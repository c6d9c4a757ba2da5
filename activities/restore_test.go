package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

// Nothing is restored over backups, whatever way leads there.
func TestRestoreStaysOutOfTheStorage(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	d, err := s.ZFS.Dataset(t.Context(), s.plan.Storage)
	require.NoError(t, err)
	elsewhere := t.TempDir()
	link := filepath.Join(elsewhere, "link")
	require.NoError(t, os.Symlink(d.Mountpoint, link))
	for _, to := range []string{d.Mountpoint, d.Mountpoint + "/acme/web1/data", link, link + "/new/er", elsewhere + "/./link/acme"} {
		require.Equal(t, ErrTypeRefused, ErrType(s.refuseTarget(t.Context(), to)), to)
	}
	for _, to := range []string{elsewhere, elsewhere + "/new/er", d.Mountpoint + "-not"} {
		require.NoError(t, s.refuseTarget(t.Context(), to), to)
	}
}
