package dataplane

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/zfs/zfstest"
)

// On a real pool a snapshot keeps what the live files have lost.
func TestRealSnapshot(t *testing.T) {
	t.Parallel()
	client, storage := zfstest.Pool(t)
	dataset := storage + "/acme/web1"
	ds, _, err := client.EnsureDataset(t.Context(), dataset, nil)
	require.NoError(t, err)
	file := filepath.Join(ds.Mountpoint, DataDir, "etc", "motd")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("before"), 0o640))
	_, _, err = client.TakeSnapshot(t.Context(), dataset, testSnap, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("after"), 0o640))

	srv := httptest.NewServer(Handler(Options{
		Key: testKey(t), Snapshots: ZFS{Client: client}, Storages: []string{storage}, RunsDir: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}))
	t.Cleanup(srv.Close)
	c, err := NewClient(ClientOptions{BaseURL: srv.URL, Key: testKey(t)})
	require.NoError(t, err)
	for snap, want := range map[string]string{testSnap: "before", "": "after"} {
		at := At{Dataset: dataset, Snap: snap, Path: "/etc/motd"}
		e, err := c.Stat(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, "0640", e.Mode)
		r, err := c.Read(t.Context(), at, 0, -1)
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, want, string(text))
	}
	for _, at := range []At{
		{Dataset: dataset, Snap: "daily-209901010000", Path: "/"},
		{Dataset: storage + "/acme/web2", Snap: testSnap, Path: "/"},
		{Dataset: storage + "/acme/web2", Path: "/"},
		{Dataset: storage + "/acme", Path: "/"},
	} {
		_, err = c.Stat(t.Context(), at)
		require.ErrorIs(t, err, ErrNotFound, "%+v", at)
	}
	// No reader is left: the snapshot can go.
	_, err = client.DestroySnapshots(t.Context(), dataset, []string{testSnap})
	require.NoError(t, err)
}
