package browse_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/index"
	"planb/internal/policy"
	"planb/web"
	"planb/web/webtest"
)

const (
	dataKey = "a key that is as long as the data service wants it"
	older   = "daily-202611220130"
	newer   = "daily-202611230130"
	odd     = "odd\n\xff<b>&name"
	png     = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
)

var web1 = ident.Host{Group: "acme", Name: "web1"}

// snaps opens directories as snapshots, and has an index of them.
type snaps struct {
	dirs map[string]string
	x    *index.Index
}

func (s snaps) OpenSnapshot(_ context.Context, _, snap string) (dataplane.View, error) {
	dir, ok := s.dirs[snap]
	if !ok {
		return nil, fmt.Errorf("%s: %w", snap, fs.ErrNotExist)
	}
	return view(dir), nil
}

func (s snaps) Read(_ context.Context, _ string, _ time.Duration, do func(*index.Index, index.Progress) error) error {
	return do(s.x, index.Progress{Indexed: 2, Snapshots: 2})
}

type view string

func (v view) Path() string { return string(v) }
func (view) Close() error   { return nil }

// site is all pages, and a storage server with two snapshots of acme/web1.
func site(t *testing.T) *webtest.Site {
	t.Helper()
	store := snaps{dirs: map[string]string{older: t.TempDir(), newer: t.TempDir()}}
	write := func(snap, name, text string) {
		full := filepath.Join(store.dirs[snap], dataplane.DataDir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
		when := time.Date(2026, 11, 20, 8, 0, len(text), 0, time.UTC)
		require.NoError(t, os.Chtimes(full, when, when))
	}
	for _, snap := range []string{older, newer} {
		write(snap, "etc/hosts", "127.0.0.1 localhost\n")
		write(snap, odd, "odd")
		write(snap, "etc/page.html", "<script>alert(1)</script>\n")
		write(snap, "pic.txt", png)
		write(snap, "pic.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	}
	write(older, "etc/conf", "one\ntwo\nthree\n")
	write(newer, "etc/conf", "one\n2\x1b[31m\u202e\nthree\nfour\n")
	write(older, "etc/gone", "was here")
	for i := range 600 {
		write(newer, fmt.Sprintf("many/%04d", i), strings.Repeat("x", 600-i))
	}
	data := filepath.Join(store.dirs[newer], dataplane.DataDir)
	require.NoError(t, os.Symlink("../etc/hosts", filepath.Join(data, "etc/link")))
	require.NoError(t, os.Link(filepath.Join(data, "etc/hosts"), filepath.Join(data, "etc/hard")))
	var err error
	store.x, err = index.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	t.Cleanup(func() { store.x.Close() })
	for i, snap := range []string{older, newer} {
		_, err = store.x.Update(t.Context(), index.Snapshot{Name: snap, GUID: snap, Created: time.Date(2026, 11, 22+i, 1, 30, 0, 0, time.UTC), State: "ok"}, store.dirs[snap], nil, nil)
		require.NoError(t, err)
	}
	key, err := dataplane.NewKey([]byte(dataKey))
	require.NoError(t, err)
	srv := httptest.NewServer(dataplane.Handler(dataplane.Options{
		Key: key, Snapshots: store, Indexes: store, Storages: []string{"tank/BACKUP"}, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(srv.Close)
	s := webtest.New(t, func(o *web.Options) { o.DataKey = dataKey })
	require.NoError(t, s.Store.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: srv.URL, SeenAt: s.Clock.Now()}))
	h, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: web1, Address: "web1.example", AddGroup: true})
	require.NoError(t, err)
	_, err = s.Store.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	require.NoError(t, s.Store.MarkDatasetMade(t.Context(), h.ID))
	var list []catalog.Snapshot
	for i, snap := range []string{older, newer} {
		list = append(list, catalog.Snapshot{Name: snap, Created: time.Date(2026, 11, 22+i, 1, 30, 0, 0, time.UTC), State: policy.StateOK, Tiers: []string{"daily"}})
	}
	require.NoError(t, s.Store.ReplaceSnapshots(t.Context(), h.ID, list, s.Clock.Now()))
	return s
}

func address(page string, query ...string) string {
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Add(query[i], query[i+1])
	}
	return "/hosts/acme/web1/" + page + "?" + q.Encode()
}

// links gives the addresses that a page leads to, and the values of its fields.
func links(t *testing.T, body string) map[string]bool {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	found := map[string]bool{}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "href" || a.Key == "value" {
				found[a.Val] = true
			}
		}
	}
	return found
}

func has(t *testing.T, page, text string, why ...any) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s %v", text, why)
}

func hasNot(t *testing.T, page, text string, why ...any) {
	t.Helper()
	require.False(t, strings.Contains(page, text), "there: %s %v", text, why)
}

func TestDirectoriesAndNamesOfAnyBytes(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("rita", "restorer:acme")
	top := reader.Get("/hosts/acme/web1/files")
	require.Equal(t, http.StatusOK, top.Status)
	has(t, top.Body, `odd\n\xff&lt;b&gt;&amp;name`)
	hasNot(t, top.Body, "<b>")
	has(t, top.Body, newer)
	found := links(t, top.Body)
	file := address("files", "snap", newer, "path", "/"+odd)
	require.True(t, found[file], "the link has the bytes of the name")
	require.True(t, found[url.PathEscape("/"+odd)], "and so has the box to tick")
	require.Equal(t, http.StatusOK, reader.Get(file).Status)
	got := reader.Get(address("files/download", "snap", newer, "path", "/"+odd))
	require.Equal(t, "odd", got.Body)
	got = reader.Get(address("files/download", "snap", newer, "enc", url.PathEscape("/"+odd)))
	require.Equal(t, "odd", got.Body)

	etc := reader.Get(address("files", "snap", newer, "path", "/etc"))
	has(t, etc.Body, "→ ../etc/hosts")
	hasNot(t, etc.Body, "gone")
	gone := reader.Get(address("files", "snap", newer, "path", "/etc/gone"))
	require.Equal(t, http.StatusNotFound, gone.Status)
	require.True(t, links(t, gone.Body)[address("files", "snap", older, "path", "/etc/gone")], "where it was is told")
	require.Equal(t, http.StatusNotFound, reader.Get(address("files", "snap", "nope")).Status)
}

func TestLongDirectoriesComeInPages(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("vera", "viewer:acme")
	first := reader.Get(address("files", "path", "/many"))
	require.Equal(t, 500, strings.Count(first.Body, `class="browse-name"`))
	next := address("files", "snap", newer, "path", "/many", "after", "0499")
	require.True(t, links(t, first.Body)[next])
	second := reader.Get(next)
	require.Equal(t, 100, strings.Count(second.Body, `class="browse-name"`))
	has(t, second.Body, "0599")

	small := reader.Get(address("files", "path", "/many", "sort", "size"))
	require.Less(t, strings.Index(small.Body, ">0599<"), strings.Index(small.Body, ">0598<"))
	has(t, small.Body, "1–500 of 600")
	large := reader.Get(address("files", "path", "/many", "sort", "-size", "page", "1"))
	require.Equal(t, 100, strings.Count(large.Body, `class="browse-name"`))
	require.Equal(t, http.StatusOK, reader.Get(address("files", "path", "/many", "sort", "nonsense", "page", "-7")).Status)
}

func TestNamesNeedViewAndContentsTheRightToRestore(t *testing.T) {
	t.Parallel()
	s := site(t)
	viewer, other := s.As("vera", "viewer:acme"), s.As("otto", "admin:umbrella")
	page := viewer.Get(address("files", "path", "/etc/conf"))
	require.Equal(t, http.StatusOK, page.Status)
	hasNot(t, page.Body, "/download")
	hasNot(t, page.Body, "/compare")
	for _, path := range []string{"files/text", "files/image", "files/compare", "files/download", "files/archive"} {
		require.Equal(t, http.StatusForbidden, viewer.Get(address(path, "path", "/etc/conf")).Status, path)
		require.Equal(t, http.StatusNotFound, other.Get(address(path, "path", "/etc/conf")).Status, path)
	}
	for _, path := range []string{"files", "find", "diff"} {
		require.Equal(t, http.StatusOK, viewer.Get(address(path)).Status, path)
		require.Equal(t, http.StatusNotFound, other.Get(address(path)).Status, path)
	}
	entries, err := s.Store.Audit(t.Context(), web1.String(), 10)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, []string{"host.read", "host.download", "host.archive"}, e.Action)
	}
}

func TestContentsAreNeverPages(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("rita", "restorer:acme")
	text := reader.Get(address("files/text", "path", "/etc/page.html"))
	has(t, text.Body, "&lt;script&gt;alert(1)&lt;/script&gt;")
	hasNot(t, text.Body, "<script>")
	has(t, reader.Get(address("files/text", "path", "/etc/conf")).Body, `2\x1b[31m\u202e`)
	for _, path := range []string{"/pic.svg", "/etc/page.html", "/etc/hosts"} {
		require.Equal(t, http.StatusConflict, reader.Get(address("files/image", "path", path)).Status, path)
		a := reader.Get(address("files/download", "path", path))
		require.Equal(t, "application/octet-stream", a.Header.Get("Content-Type"))
		require.True(t, strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment"))
	}
	image := reader.Get(address("files/image", "path", "/pic.txt"))
	require.Equal(t, png, image.Body)
	require.Equal(t, "image/png", image.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", image.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "sandbox; default-src 'none'; frame-ancestors 'none'", image.Header.Get("Content-Security-Policy"))
	require.Equal(t, http.StatusConflict, reader.Get(address("files/text", "path", "/pic.txt")).Status)
	require.Equal(t, http.StatusUnprocessableEntity, reader.Get(address("files/text", "path", "/etc")).Status)

	entries, err := s.Store.Audit(t.Context(), web1.String(), 1)
	require.NoError(t, err)
	require.Equal(t, "rita (web)", entries[0].Actor)
	require.Equal(t, "host.read", entries[0].Action)
}

func TestVersionsAndWhatDiffers(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("rita", "restorer:acme")
	page := reader.Get(address("files", "path", "/etc/conf"))
	compare := address("files/compare", "snap", newer, "path", "/etc/conf", "from", older)
	require.True(t, links(t, page.Body)[compare])
	both := reader.Get(compare)
	has(t, both.Body, `<code>two</code>`)
	has(t, both.Body, `2\x1b[31m\u202e`)
	has(t, both.Body, `<code>four</code>`)
	same := reader.Get(address("files", "path", "/etc/hosts"))
	has(t, same.Body, "2 snapshots, since "+older, "versions that do not differ are one")

	diff := reader.Get(address("diff", "path", "/etc"))
	has(t, diff.Body, "/etc/gone")
	has(t, diff.Body, "/etc/conf")
	only := reader.Get(address("diff", "path", "/etc", "kind", "removed"))
	has(t, only.Body, "/etc/gone")
	hasNot(t, only.Body, "/etc/conf")
	all := reader.Get(address("diff"))
	require.Equal(t, 500, strings.Count(all.Body, `class="browse-name"`))
	for href := range links(t, all.Body) {
		if strings.Contains(href, "after=") {
			rest := reader.Get(href)
			require.Equal(t, 110, strings.Count(rest.Body, `class="browse-name"`))
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("vera", "viewer:acme")
	a := reader.Get(address("find", "q", "GONE", "i", "1"))
	has(t, a.Body, "/etc/gone")
	has(t, a.Body, "gone since "+newer)
	require.True(t, links(t, a.Body)[address("files", "snap", older, "path", "/etc/gone")])
	has(t, reader.Get(address("find", "q", "gone", "snap", newer)).Body, "Nothing found")
	bad := reader.Get(address("find", "q", "[a"))
	require.Equal(t, http.StatusUnprocessableEntity, bad.Status)
	has(t, bad.Body, `value="[a"`)
}

func TestPartsOfFiles(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("rita", "restorer:acme")
	path := address("files/download", "path", "/etc/hosts")
	for _, c := range []struct {
		header, body, rangeOf string
		status                int
	}{
		{"", "127.0.0.1 localhost\n", "", 200},
		{"bytes=10-18", "localhost", "bytes 10-18/20", 206},
		{"bytes=-10", "localhost\n", "bytes 10-19/20", 206},
		{"bytes=10-999", "localhost\n", "bytes 10-19/20", 206},
		{"bytes=20-", "", "bytes */20", 416},
		{"bytes=0-1,3-4", "127.0.0.1 localhost\n", "", 200},
		{"bytes=5-1", "127.0.0.1 localhost\n", "", 200},
	} {
		reader.Header = http.Header{"Range": {c.header}}
		a := reader.Get(path)
		require.Equal(t, c.status, a.Status, c.header)
		require.Equal(t, c.rangeOf, a.Header.Get("Content-Range"), c.header)
		if c.status != http.StatusRequestedRangeNotSatisfiable {
			require.Equal(t, c.body, a.Body, c.header)
		}
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	s := site(t)
	reader := s.As("rita", "restorer:acme")
	a := reader.Get(address("files/archive", "format", "zip", "path", "/etc", "enc", url.PathEscape("/"+odd)))
	require.Equal(t, http.StatusOK, a.Status)
	require.Contains(t, a.Header.Get("Content-Disposition"), "acme-web1@"+newer+".zip")
	z, err := zip.NewReader(bytes.NewReader([]byte(a.Body)), int64(len(a.Body)))
	require.NoError(t, err)
	content := map[string]string{}
	for _, f := range z.File {
		require.True(t, filepath.IsLocal(strings.TrimSuffix(f.Name, "/")), f.Name)
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		content[f.Name] = string(text)
	}
	require.Equal(t, "127.0.0.1 localhost\n", content["etc/hosts"])
	require.Equal(t, "127.0.0.1 localhost\n", content["etc/hard"], "a hard link has its content")
	require.Contains(t, content["PLANB-LEFT-OUT.txt"], "/etc/link -> ../etc/hosts")
	require.NotContains(t, content, "etc/link")
	require.Len(t, content, 7, "%v", content)

	a = reader.Get(address("files/archive", "format", "tar.zst", "path", "/etc"))
	require.Contains(t, a.Header.Get("Content-Disposition"), "etc@"+newer+".tar.zst")
	plain, err := zstd.NewReader(strings.NewReader(a.Body))
	require.NoError(t, err)
	names := 0
	for r := tar.NewReader(plain); ; names++ {
		if _, err := r.Next(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, 6, names)
	require.Equal(t, http.StatusUnprocessableEntity, reader.Get(address("files/archive", "format", "tar")).Status)
	require.Equal(t, http.StatusNotFound, reader.Get(address("files/archive", "format", "tar", "path", "/nope")).Status)
}
