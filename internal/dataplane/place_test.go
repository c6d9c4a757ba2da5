package dataplane

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

func requireTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		pkg := map[string]string{"setfacl": "acl"}
		t.Fatalf("this test needs %s: apt-get install %s", name, cmp.Or(pkg[name], name))
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test makes devices and foreign owners: run it as root")
	}
}

func requireXattrs(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Setxattr(dir, "user.planb.probe", []byte("1"), 0); err != nil {
		t.Fatalf("this test needs extended attributes in %s (set TMPDIR to a file system that has them): %v", dir, err)
	}
	require.NoError(t, unix.Removexattr(dir, "user.planb.probe"))
}
