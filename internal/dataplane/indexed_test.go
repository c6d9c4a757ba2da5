package dataplane

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/index"
	"planb/internal/zfs/zfstest"
)

// indexes is one index, and how far it claims to be.
type indexes struct {
	x   *index.Index
	p   index.Progress
	err error
}

func (i *indexes) Read(_ context.Context, _ string, _ time.Duration, do func(*index.Index, index.Progress) error) error {
	if i.err != nil {
		return i.err
	}
	return do(i.x, i.p)
}

// indexed is a place with an index of one snapshot.
func indexed(t *testing.T) (place, *indexes) {
	t.Helper()
	p := newPlace(t)
	x, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "one.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	i := &indexes{x: x, p: index.Progress{Indexed: 1, Snapshots: 1}}
	view := filepath.Dir(p.data)
	p.srv.Close()
	p.srv = httptest.NewServer(Handler(Options{
		Key: p.key, Snapshots: dirs{testDataset + "@": view}, Indexes: i, Storages: []string{testStorage}, RunsDir: p.runs,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}))
	t.Cleanup(p.srv.Close)
	p.c, err = NewClient(ClientOptions{BaseURL: p.srv.URL, Key: p.key, Subject: "test", Server: "store1"})
	require.NoError(t, err)
	p.write(t, "etc/a.conf", "12345")
	p.write(t, "etc/b\n\xff.conf", "1")
	p.write(t, "var/big", "1234567890")
	_, err = x.Update(t.Context(), index.Snapshot{Name: testSnap, GUID: "1", Created: time.Unix(1e9, 0), State: "partial"}, view, nil, nil)
	require.NoError(t, err)
	return p, i
}

func collect[T any](into *[]T) func(T) error {
	return func(v T) error { *into = append(*into, v); return nil }
}

func TestAnswersFromAnIndex(t *testing.T) {
	t.Parallel()
	p, i := indexed(t)
	var versions []PathVersion
	answer, err := p.c.History(t.Context(), in("/etc/a.conf"), collect(&versions))
	require.NoError(t, err)
	require.Equal(t, Answer{Snapshots: 1, Indexed: 1}, answer)
	require.Len(t, versions, 1)
	require.Equal(t, "-rw-r--r--", versions[0].Permissions())
	require.Equal(t, "partial", *versions[0].Snapshots[0].State)
	require.Nil(t, versions[0].Checksum)

	var found []FoundPath
	answer, err = p.c.Find(t.Context(), At{Dataset: testDataset}, FindQuery{Pattern: "*.CONF", IgnoreCase: true, Limit: 1}, collect(&found))
	require.NoError(t, err)
	require.True(t, answer.More)
	_, err = p.c.Find(t.Context(), in(""), FindQuery{Pattern: "b*"}, collect(&found))
	require.NoError(t, err)
	require.Equal(t, "/etc/b\n\xff.conf", found[1].RawPath())
	require.Equal(t, `/etc/b\n\xff.conf`, found[1].Path)

	p.write(t, "etc/a.conf", "changed it")
	p.write(t, "etc/new", "1")
	var changes []ChangedPath
	answer, err = p.c.Diff(t.Context(), in("/etc"), "", 0, collect(&changes))
	require.NoError(t, err)
	require.Len(t, changes, 2)
	require.Equal(t, &Difference{Added: Counts{1, 1}, Changed: Counts{1, 10}}, answer.Difference)
	changes = nil
	_, err = p.c.Diff(t.Context(), in("/"), testSnap, 0, collect(&changes))
	require.NoError(t, err)
	require.Empty(t, changes)

	var sizes []PathSize
	require.NoError(t, p.c.Sizes(t.Context(), in("/"), 1, 0, collect(&sizes)))
	require.Len(t, sizes, 3)
	require.EqualValues(t, 16, sizes[0].TotalBytes)
	require.Equal(t, "/var", sizes[1].Path)

	i.p = index.Progress{Indexed: 1, Snapshots: 2, Missing: []string{"daily-202611240130"}}
	answer, err = p.c.History(t.Context(), in("/etc"), collect(&versions))
	require.NoError(t, err)
	require.Equal(t, Answer{Snapshots: 2, Indexed: 1, Missing: i.p.Missing}, answer)
	_, err = p.c.Diff(t.Context(), in("/"), "daily-202611240130", 0, collect(&changes))
	require.ErrorIs(t, err, ErrNotReady)
	require.ErrorContains(t, err, "1 of 2 are")
	enough := io.EOF
	_, err = p.c.Find(t.Context(), in(""), FindQuery{Pattern: "*"}, func(FoundPath) error { return enough })
	require.ErrorIs(t, err, enough)
}

func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	p, i := indexed(t)
	none := func(t *testing.T, at At, to, pattern string) (errs []error) {
		t.Helper()
		_, err := p.c.History(t.Context(), at, func(PathVersion) error { return nil })
		_, err2 := p.c.Diff(t.Context(), at, to, 0, func(ChangedPath) error { return nil })
		_, err3 := p.c.Find(t.Context(), at, FindQuery{Pattern: pattern}, func(FoundPath) error { return nil })
		return []error{err, err2, err3, p.c.Sizes(t.Context(), at, 1, 0, func(PathSize) error { return nil })}
	}
	for _, path := range []string{"etc", "/etc/../x", "/a\x00b"} {
		for n, err := range none(t, in(path), "", "x") {
			if n != 2 { // find looks at no path
				require.ErrorIs(t, err, ErrBadRequest, "%q %d", path, n)
			}
		}
	}
	errs := none(t, in("/nope"), "daily-209901010000", "[")
	for n, kind := range []error{ErrNotFound, ErrNotFound, ErrBadRequest, ErrNotFound} {
		require.ErrorIs(t, errs[n], kind, "%d", n)
	}
	for _, err := range none(t, At{"rpool/home/x", testSnap, "/"}, "", "x") {
		require.ErrorIs(t, err, ErrDenied)
	}
	_, err := p.c.Diff(t.Context(), in("/"), "../x", 0, nil)
	require.ErrorIs(t, err, ErrBadRequest)
	_, err = p.c.Diff(t.Context(), At{testDataset, "", "/"}, testSnap, 0, nil)
	require.ErrorIs(t, err, ErrBadRequest)

	// A token for one thing does not allow another.
	ops := []Op{OpDiff, OpFind, OpHistory, OpSizes, OpList}
	for _, op := range ops[:4] {
		var others []Op
		for _, o := range ops {
			if o != op {
				others = append(others, o)
			}
		}
		token := Sign(p.key, Claims{Dataset: testDataset, Ops: others, Expires: time.Now().Add(time.Minute)})
		q := url.Values{"dataset": {testDataset}, "snap": {testSnap}, "path": {"/"}, "pattern": {"x"}}
		require.Equal(t, http.StatusForbidden, p.do(t, http.MethodGet, "/v1/"+string(op), q, token).StatusCode, op)
	}
	i.err = &index.BehindError{Dataset: testDataset, Progress: index.Progress{Snapshots: 7}}
	for _, err := range none(t, in("/"), "", "x") {
		require.ErrorIs(t, err, ErrNotReady)
		require.ErrorContains(t, err, "being built from 7 snapshots")
	}
	i.err = index.ErrDamaged
	for _, err := range none(t, in("/"), "", "x") {
		require.ErrorIs(t, err, ErrNotReady)
	}
	q := newPlace(t) // has no index
	_, err = q.c.History(t.Context(), in("/"), nil)
	require.ErrorIs(t, err, ErrNotFound)
}

// From real snapshots, also after a rename of the dataset and the loss of some.
func TestIndexOfRealSnapshots(t *testing.T) {
	t.Parallel()
	client, storage := zfstest.Pool(t)
	dataset := storage + "/acme/web1"
	ds, _, err := client.EnsureDataset(t.Context(), dataset, nil)
	require.NoError(t, err)
	file := filepath.Join(ds.Mountpoint, DataDir, "etc", "motd")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	snaps := []string{"daily-202611200130", "daily-202611210130", "daily-202611220130"}
	for n, snap := range snaps {
		require.NoError(t, os.WriteFile(file, make([]byte, n/2), 0o640))
		at := time.Unix(1e9+int64(n/2), 0)
		require.NoError(t, os.Chtimes(file, at, at))
		_, _, err = client.TakeSnapshot(t.Context(), dataset, snap, nil)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	keeper := index.NewKeeper(index.KeeperOptions{Dir: dir, Pool: ZFS{Client: client}})
	t.Cleanup(keeper.Close)
	srv := httptest.NewServer(Handler(Options{
		Key: testKey(t), Snapshots: ZFS{Client: client}, Indexes: keeper, Storages: []string{storage}, RunsDir: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}))
	t.Cleanup(srv.Close)
	c, err := NewClient(ClientOptions{BaseURL: srv.URL, Key: testKey(t)})
	require.NoError(t, err)
	held := func() (list [][]string) {
		t.Helper()
		answer, err := c.History(t.Context(), At{Dataset: dataset, Path: "/etc/motd"}, func(v PathVersion) error {
			var held []string
			for _, s := range v.Snapshots {
				held = append(held, s.Snapshot)
			}
			list = append(list, held)
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, answer.Missing)
		return list
	}
	require.Equal(t, [][]string{{snaps[2]}, snaps[:2]}, held())
	indexes, err := filepath.Glob(filepath.Join(dir, "*.db"))
	require.NoError(t, err)
	require.Len(t, indexes, 1)

	_, err = client.DestroySnapshots(t.Context(), dataset, snaps[:1])
	require.NoError(t, err, "no view keeps it")
	require.Equal(t, [][]string{{snaps[2]}, {snaps[1]}}, held())

	require.NoError(t, client.Rename(t.Context(), dataset, storage+"/acme/www"))
	dataset = storage + "/acme/www"
	require.Equal(t, [][]string{{snaps[2]}, {snaps[1]}}, held())
	after, err := filepath.Glob(filepath.Join(dir, "*.db"))
	require.NoError(t, err)
	require.Equal(t, indexes, after, "a renamed dataset keeps its index")

	var changes []ChangedPath
	_, err = c.Diff(t.Context(), At{Dataset: dataset, Snap: snaps[1]}, "", 0, collect(&changes))
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, "changed", changes[0].Change)
	// An index that is lost is built again from what the snapshots hold.
	require.NoError(t, index.Remove(indexes[0]))
	require.Equal(t, [][]string{{snaps[2]}, {snaps[1]}}, held())
	_, err = c.History(t.Context(), At{Dataset: storage + "/acme/web1", Path: "/etc"}, nil)
	require.ErrorIs(t, err, ErrNotFound)
}
