package sshx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx"
	"planb/internal/sshx/sshtest"
)

func TestProbeReady(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	r, err := sshx.Probe(t.Context(), s.Session(), sshx.ProbeSpec{CheckFile: "/etc/passwd", DoNotRunDir: t.TempDir()})
	require.NoError(t, err)
	require.False(t, r.Restricted)
	require.NotEmpty(t, r.Rsync)
	require.True(t, r.CheckFile)
	require.True(t, r.ACLs)
	require.True(t, r.Xattrs)
	require.True(t, r.IONice)
	require.Empty(t, r.Holds)
	require.Empty(t, r.Noise)
}
