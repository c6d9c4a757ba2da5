package dataplane

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	testStorage = "tank/BACKUP"
	testDataset = "tank/BACKUP/acme/web1"
	testSnap    = "daily-202611230130"
	testRun     = "0190a5f0-7c6e-7b3e-9c1e-2f5d3c4b5a69"
)

// dirs opens plain directories as snapshots.
type dirs map[string]string

func (d dirs) OpenSnapshot(_ context.Context, dataset, snap string) (View, error) {
	p, ok := d[dataset+"@"+snap]
	if !ok {
		return nil, fmt.Errorf("%s@%s: %w", dataset, snap, fs.ErrNotExist)
	}
	return dirView(p), nil
}

type dirView string

func (v dirView) Path() string { return string(v) }
func (dirView) Close() error   { return nil }

// place is a running service over one directory that stands for a snapshot.
type place struct {
	key  Key
	data string
	runs string
	srv  *httptest.Server
	c    *Client
}

func testKey(t testing.TB) Key {
	t.Helper()
	key, err := NewKey([]byte(strings.Repeat("k", MinKey)))
	require.NoError(t, err)
	return key
}

func newPlace(t *testing.T) place {
	t.Helper()
	view := t.TempDir()
	p := place{key: testKey(t), data: filepath.Join(view, DataDir), runs: t.TempDir()}
	require.NoError(t, os.Mkdir(p.data, 0o755))
	p.srv = httptest.NewServer(Handler(Options{
		Key: p.key, Snapshots: dirs{testDataset + "@" + testSnap: view}, Storages: []string{testStorage},
		RunsDir: p.runs, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}))
	t.Cleanup(p.srv.Close)
	var err error
	p.c, err = NewClient(ClientOptions{BaseURL: p.srv.URL, Key: p.key, Subject: "test", Server: "store1"})
	require.NoError(t, err)
	return p
}

// in names a path of the test's snapshot.
func in(path string) At { return At{Dataset: testDataset, Snap: testSnap, Path: path} }

func (p place) write(t *testing.T, name, text string) {
	t.Helper()
	full := filepath.Join(p.data, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
}

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
