package dataplane

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "etc/hostname", "web1\n")
	e, err := p.c.Stat(t.Context(), in("/etc/hostname"))
	require.NoError(t, err)
	require.Equal(t, "/etc/hostname", e.Path)
	require.EqualValues(t, 5, e.Size)
	require.Equal(t, "-rw-r--r--", e.Permissions())
	for e, err := range p.c.List(t.Context(), in("/")) {
		require.NoError(t, err)
		require.Equal(t, "/etc", e.Path)
	}
	r, err := p.c.Read(t.Context(), in("/etc/hostname"), 1, 3)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "eb1", string(got))
}
