package dataplane

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "etc/hostname", "web1\n")
	p.write(t, "etc/hosts", "::1")
	e, err := p.c.Stat(t.Context(), in("/etc/hostname"))
	require.NoError(t, err)
	require.Equal(t, "/etc/hostname", e.Path)
	require.Equal(t, "hostname", e.Name)
	require.EqualValues(t, 5, e.Size)
	require.Equal(t, "0644", e.Mode)
	require.Equal(t, "-rw-r--r--", e.Permissions())
	root, err := p.c.Stat(t.Context(), in(""))
	require.NoError(t, err)
	require.Equal(t, "/", root.Path)
	require.Equal(t, TypeDir, root.Type)

	require.Equal(t, []string{"/etc"}, p.paths(t, "/"))
	require.Equal(t, []string{"/etc/hostname", "/etc/hosts"}, p.paths(t, "//etc/./"))
	require.Equal(t, []string{"/etc/hosts"}, p.paths(t, "/etc/hosts"), "a file lists itself")

	for _, tc := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "web1\n"}, {1, 3, "eb1"}, {3, -1, "1\n"}, {2, 100, "b1\n"}, {5, -1, ""}, {50, 2, ""}, {0, 0, ""}} {
		require.Equal(t, tc.want, p.read(t, "/etc/hostname", tc.offset, tc.length), "%+v", tc)
	}
	p.write(t, "empty", "")
	require.Empty(t, p.read(t, "/empty", 0, -1))
	require.Empty(t, p.read(t, "/empty", 0, 10))
}

func TestJSONHasEveryField(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "f", "x")
	text := p.raw(t, http.MethodGet, "/v1/stat", url.Values{"path": {"/f"}}, OpStat)
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &fields))
	for _, f := range []string{"path", "name", "type", "size", "mode", "uid", "gid", "mtime", "link_target", "rdev", "hardlinks", "name_b64"} {
		require.Contains(t, fields, f)
	}
	require.Nil(t, fields["link_target"])
	require.Nil(t, fields["name_b64"])
}

func TestOnlyGet(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MKCOL"} {
		for _, route := range []string{"/healthz", "/v1/list", "/v1/read", "/v1/log", "/other"} {
			resp := p.do(t, method, route, url.Values{}, "")
			require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s", method, route)
			require.Equal(t, "GET", resp.Header.Get("Allow"))
		}
	}
	require.NoError(t, p.c.Healthy(t.Context()))
}

func TestTokensAreNeededAndScoped(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "f", "x")
	require.NoError(t, os.WriteFile(filepath.Join(p.runs, testRun+".log"), []byte("log"), 0o600))
	now := time.Now()
	good := Claims{Dataset: testDataset, Run: testRun, Ops: []Op{OpRead, OpLog}, Expires: now.Add(time.Minute)}
	change := func(f func(*Claims)) string {
		c := good
		f(&c)
		return Sign(p.key, c)
	}
	other, err := NewKey([]byte("another key that is long enough to be one"))
	require.NoError(t, err)
	for name, token := range map[string]string{
		"none":          "",
		"garbage":       "x.y.z",
		"forged":        Sign(other, good),
		"expired":       change(func(c *Claims) { c.Expires = now.Add(-time.Second) }),
		"early":         change(func(c *Claims) { c.NotBefore = now.Add(time.Minute) }),
		"other dataset": change(func(c *Claims) { c.Dataset, c.Run = testDataset+"0", "" }),
		"no scope":      change(func(c *Claims) { c.Dataset, c.Run = "", "" }),
		"other ops":     change(func(c *Claims) { c.Ops = []Op{OpList, OpTar} }),
	} {
		for _, q := range []struct {
			route string
			v     url.Values
		}{{"/v1/read", url.Values{"dataset": {testDataset}, "snap": {testSnap}, "path": {"/f"}}}, {"/v1/log", url.Values{"run": {testRun}}}} {
			resp := p.do(t, http.MethodGet, q.route, q.v, token)
			require.Equal(t, http.StatusForbidden, resp.StatusCode, "%s %s", name, q.route)
		}
	}
	q := url.Values{"dataset": {testDataset}, "snap": {testSnap}, "path": {"/f"}}
	require.Equal(t, http.StatusOK, p.do(t, http.MethodGet, "/v1/read", q, Sign(p.key, good)).StatusCode)
	q.Set("token", Sign(p.key, good))
	require.Equal(t, http.StatusForbidden, p.do(t, http.MethodGet, "/v1/read", q, "").StatusCode, "a token belongs in the header")
}

func TestClientSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "dir/f", "x")
	for name, tc := range map[string]struct {
		at   At
		kind error
		text string
	}{
		"path":             {in("/nope"), ErrNotFound, "there is no /nope"},
		"path below":       {in("/nope/more"), ErrNotFound, "there is no /nope"},
		"below a file":     {in("/dir/f/x"), ErrNotFound, "/dir/f is not a directory"},
		"snapshot":         {At{testDataset, "daily-209912312359", "/"}, ErrNotFound, "no snapshot"},
		"live":             {At{testDataset, "", "/"}, ErrNotFound, "no dataset"},
		"dataset":          {At{testStorage + "/acme/web2", testSnap, "/"}, ErrNotFound, "no snapshot"},
		"elsewhere":        {At{"rpool/home/x", testSnap, "/"}, ErrDenied, "beneath a storage"},
		"storage itself":   {At{testStorage, testSnap, "/"}, ErrDenied, "beneath a storage"},
		"storage's sister": {At{testStorage + "2/a", testSnap, "/"}, ErrDenied, "beneath a storage"},
		"dotted dataset":   {At{testStorage + "/../x", testSnap, "/"}, ErrBadRequest, "not the name of a dataset"},
		"option dataset":   {At{testStorage + "/-r", testSnap, "/"}, ErrBadRequest, "not the name of a dataset"},
		"no dataset":       {At{"", testSnap, "/"}, ErrBadRequest, "not the name of a dataset"},
		"snap in dataset":  {At{testDataset + "@" + testSnap, "", "/"}, ErrBadRequest, "not the name of a dataset"},
		"snap path":        {At{testDataset, "../" + testSnap, "/"}, ErrBadRequest, "not the name of a snapshot"},
		"snap range":       {At{testDataset, "a%b", "/"}, ErrBadRequest, "not the name of a snapshot"},
		"relative":         {in("dir"), ErrBadRequest, "not absolute"},
		"dotdot":           {in("/dir/../../etc"), ErrBadRequest, `".."`},
		"nul":              {in("/a\x00b"), ErrBadRequest, "NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.c.Stat(t.Context(), tc.at)
			require.ErrorIs(t, err, tc.kind)
			require.ErrorContains(t, err, tc.text)
			_, err = p.c.ListPage(t.Context(), tc.at, "", 0)
			require.ErrorIs(t, err, tc.kind)
			_, err = p.c.Read(t.Context(), tc.at, 0, -1)
			require.ErrorIs(t, err, tc.kind)
			_, err = p.c.Tar(t.Context(), tc.at, tc.at.Path)
			require.ErrorIs(t, err, tc.kind)
		})
	}
	_, err := p.c.Read(t.Context(), in("/dir"), 0, -1)
	require.ErrorIs(t, err, ErrWrongType)
	require.EqualError(t, err, "/dir is a dir, not a regular file")
	_, err = p.c.ListPage(t.Context(), in("/"), "", MaxListLimit+1)
	require.ErrorIs(t, err, ErrBadRequest)
}

// A directory of any size comes in pages, sorted, none twice, none left out.
func TestLargeDirectoryInPages(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const n = 7000
	want := make([]string, n)
	for i := range n {
		want[i] = fmt.Sprintf("f%05d", i)
		require.NoError(t, os.WriteFile(filepath.Join(p.data, want[i]), nil, 0o644))
	}
	for _, limit := range []int{1, 999, 1000, 1001, n - 1, n, n + 1} {
		if limit == 1 {
			pg, err := p.c.ListPage(t.Context(), in("/"), "f03333", limit)
			require.NoError(t, err)
			require.True(t, pg.More)
			require.Equal(t, "f03334", pg.Next)
			continue
		}
		var got []string
		for after, more := "", true; more; {
			pg, err := p.c.ListPage(t.Context(), in("/"), after, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(pg.Entries), limit)
			for _, e := range pg.Entries {
				got = append(got, e.Name)
			}
			after, more = pg.Next, pg.More
		}
		require.Equal(t, want, got, "limit %d", limit)
	}
	require.Len(t, p.paths(t, "/"), n)
}

// paths gives the raw paths of a listing.
func (p place) paths(t *testing.T, path string) []string {
	t.Helper()
	var got []string
	for e, err := range p.c.List(t.Context(), in(path)) {
		require.NoError(t, err)
		got = append(got, e.RawPath())
	}
	return got
}

func (p place) read(t *testing.T, path string, offset, length int64) string {
	t.Helper()
	r, err := p.c.Read(t.Context(), in(path), offset, length)
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(got)
}

// do makes a call without the client's help.
func (p place) do(t *testing.T, method, route string, q url.Values, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.srv.URL+route+"?"+q.Encode(), nil)
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.srv.Client().Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// raw gives the body of a good answer.
func (p place) raw(t *testing.T, method, route string, q url.Values, op Op) string {
	t.Helper()
	q.Set("dataset", testDataset)
	q.Set("snap", testSnap)
	resp := p.do(t, method, route, q, Sign(p.key, Claims{Dataset: testDataset, Ops: []Op{op}, Expires: time.Now().Add(time.Minute)}))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	return string(body)
}
