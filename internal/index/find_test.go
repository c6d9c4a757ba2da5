package index

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern string
		fold    bool
		yes, no []string
	}{
		{"nginx", false, []string{"/etc/nginx", "/x/my-nginx.conf"}, []string{"/etc/nginx/site", "/Nginx"}},
		{"NGINX", true, []string{"/etc/nginx", "/x/NgInX.conf"}, []string{"/nginx/site"}},
		{"etc/nginx", false, []string{"/etc/nginx", "/etc/nginx/a", "/x/etc/nginx.old"}, []string{"/nginx"}},
		{"/etc", false, []string{"/etc", "/a/etc", "/etc/x"}, []string{"/xetc"}},
		{"*.conf", false, []string{"/a/b.conf", "/.conf"}, []string{"/a/b.conf.bak", "/a.conf/b"}},
		{"a?c", false, []string{"/abc", "/x/aéc"}, []string{"/abbc", "/ac"}},
		{"[a-c]x", false, []string{"/ax", "/cx"}, []string{"/dx", "/aax"}},
		{"[!a-c]x", false, []string{"/dx"}, []string{"/ax"}},
		{"[]x]", false, []string{"/]", "/x"}, []string{"/y"}},
		{`\*`, false, nil, []string{"/a"}},
		{`a\*b*`, false, []string{"/a*bc"}, []string{"/axbc"}},
		{"/etc/*.conf", false, []string{"/etc/a.conf"}, []string{"/etc/x/a.conf", "/x/etc/a.conf"}},
		{"/etc/**/*.conf", false, []string{"/etc/a.conf", "/etc/x/y/a.conf"}, []string{"/a.conf"}},
		{"/etc/**", false, []string{"/etc/a", "/etc/a/b"}, []string{"/etcx"}},
		{"nginx/*", false, []string{"/etc/nginx/a", "/nginx/a"}, []string{"/xnginx/a", "/nginx/a/b"}},
		{"a.c", false, []string{"/a.c"}, []string{"/abc"}},
		{"*\n*", false, []string{"/a\nb"}, []string{"/ab"}},
		{"caf\xe9", false, []string{"/caf\xe9"}, []string{"/cafe"}},
		{"(x|y)+", false, []string{"/(x|y)+"}, []string{"/x"}},
	} {
		p, err := ParsePattern(tc.pattern, tc.fold)
		require.NoError(t, err, tc.pattern)
		match := func(path string) bool {
			ok, err := p.match(path[strings.LastIndexByte(path, '/')+1:], func() (string, error) { return path, nil })
			require.NoError(t, err)
			return ok
		}
		for _, path := range tc.yes {
			require.True(t, match(path), "%q ought to match %q", tc.pattern, path)
		}
		for _, path := range tc.no {
			require.False(t, match(path), "%q ought not to match %q", tc.pattern, path)
		}
	}
	for _, bad := range []string{"", "[", "[a", "[!", "a[]", "[z-a]", strings.Repeat("x", maxPattern+1)} {
		_, err := ParsePattern(bad, false)
		require.ErrorIs(t, err, ErrPattern, bad)
	}
}

// A pattern is understood or refused, and one without wildcards finds itself.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"a", "*.c", "/e/**/x", "[!a-b]?", `\[`, "[]]", "a\xff*", "[\\-x]"} {
		f.Add(s, "/some/where/"+s, true)
	}
	f.Fuzz(func(t *testing.T, pattern, path string, fold bool) {
		p, err := ParsePattern(pattern, fold)
		if err != nil {
			require.ErrorIs(t, err, ErrPattern)
			return
		}
		whole := func() (string, error) { return path, nil }
		_, err = p.match(path, whole)
		require.NoError(t, err)
		if !strings.ContainsAny(pattern, "*?[") {
			path = "/x" + pattern
			ok, err := p.match("x"+pattern, whole)
			require.NoError(t, err)
			require.True(t, ok)
		}
	})
}

func FuzzComparePaths(f *testing.F) {
	f.Add("/a/b", "/a.b", "/a")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		sign := func(n int) int { return max(-1, min(1, n)) }
		require.Equal(t, sign(comparePaths(a, b)), -sign(comparePaths(b, a)))
		require.Equal(t, a == b, comparePaths(a, b) == 0)
		if comparePaths(a, b) < 0 && comparePaths(b, c) < 0 {
			require.Negative(t, comparePaths(a, c))
		}
	})
}

func (s *shelf) find(pattern string, o FindOptions) (list []Found, more bool) {
	s.t.Helper()
	p, err := ParsePattern(pattern, false)
	require.NoError(s.t, err)
	if o.Limit == 0 {
		o.Limit = 100
	}
	more, err = s.x.Find(s.t.Context(), p, o, func(f Found) error { list = append(list, f); return nil })
	require.NoError(s.t, err)
	return list, more
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("etc/a.conf", "1")
	s.write("etc/x/b.conf", "22")
	s.write("etc.conf", "4")
	s.snap()
	s.write("etc/a.conf", "333")
	s.snap()
	s.remove("etc/x")
	s.snap()
	list, more := s.find("*.conf", FindOptions{})
	require.False(t, more)
	require.Len(t, list, 3)
	require.Equal(t, "/etc/a.conf", list[0].Path)
	require.Equal(t, 2, list[0].Versions)
	require.EqualValues(t, 3, list[0].Size)
	require.Len(t, list[0].Snapshots, 3)
	require.Nil(t, list[0].GoneSince)
	require.Equal(t, "/etc/x/b.conf", list[1].Path)
	require.Equal(t, s.all[2], *list[1].GoneSince)
	require.Equal(t, s.all[:2], list[1].Snapshots)
	require.Equal(t, "/etc.conf", list[2].Path, "after what lies in /etc")

	list, more = s.find("*.conf", FindOptions{Limit: 1})
	require.True(t, more)
	require.Len(t, list, 1)
	list, _ = s.find("*.conf", FindOptions{Snapshot: s.all[2].Name})
	require.Len(t, list, 2)
	list, _ = s.find("b.conf", FindOptions{Snapshot: s.all[0].Name})
	require.Len(t, list, 1)
	_, err := s.x.Find(t.Context(), Pattern{}, FindOptions{Snapshot: "daily-209901010000"}, nil)
	require.ErrorIs(t, err, ErrNotFound)
}

func (s *shelf) diff(from, to, path string) (list []string, sum Difference) {
	s.t.Helper()
	each := func(c Change) error { list = append(list, c.Kind+" "+c.Path); return nil }
	var err error
	if to == "" {
		sum, err = s.x.DiffLive(s.t.Context(), from, s.view, path, 100, each)
	} else {
		sum, err = s.x.Diff(s.t.Context(), from, to, path, 100, each)
	}
	require.NoError(s.t, err)
	return list, sum
}

func TestDiff(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, n := range []string{"etc/same", "etc/mode", "etc/grown", "etc/gone", "old/deep/x", "kind/sub"} {
		s.write(n, "12345")
	}
	s.sums["/etc/touched"] = Sum{Size: 5, MTimeUnix: old.Unix() + 53*5, Hex: "0123"}
	s.write("etc/touched", "55555")
	s.snap()
	s.write("etc/grown", "1234567")
	s.write("new/file", "123")
	s.remove("etc/gone")
	s.remove("old")
	s.remove("kind")
	s.write("kind", "flat")
	require.NoError(t, os.Chmod(s.path("etc/mode"), 0o600))
	require.NoError(t, os.Chtimes(s.path("etc"), old, old.AddDate(0, 0, 1)))
	at := old.AddDate(0, 0, 3)
	require.NoError(t, os.Chtimes(s.path("etc/touched"), at, at))
	s.sums["/etc/touched"] = Sum{Size: 5, MTimeUnix: at.Unix(), Hex: "0123"}

	want := []string{
		"removed /etc/gone", "changed /etc/grown", "meta /etc/mode",
		"changed /kind", "removed /kind/sub", "added /new", "added /new/file",
		"removed /old", "removed /old/deep", "removed /old/deep/x",
	}
	live, sum := s.diff(s.all[0].Name, "", "/")
	// The live file has no checksum yet that would show that it was touched only.
	require.Equal(t, append(append(append([]string{}, want[:3]...), "changed /etc/touched"), want[3:]...), live)
	require.Zero(t, sum.Unread)

	s.snap()
	got, sum := s.diff(s.all[0].Name, s.all[1].Name, "/")
	require.Equal(t, append(append(append([]string{}, want[:3]...), "meta /etc/touched"), want[3:]...), got)
	require.Equal(t, Difference{
		Added: Counts{2, 3}, Removed: Counts{5, 15}, Changed: Counts{2, 11}, Meta: Counts{2, 10},
	}, sum)
	back, sum := s.diff(s.all[1].Name, s.all[0].Name, "/")
	require.Len(t, back, len(got))
	require.Equal(t, Counts{5, 15}, sum.Added)
	live, _ = s.diff(s.all[1].Name, "", "/")
	require.Empty(t, live)
	for _, to := range []string{s.all[1].Name, ""} {
		got, _ = s.diff(s.all[0].Name, to, "/old/deep")
		require.Equal(t, []string{"removed /old/deep", "removed /old/deep/x"}, got)
		got, _ = s.diff(s.all[0].Name, to, "/kind")
		require.Equal(t, []string{"changed /kind", "removed /kind/sub"}, got)
		got, _ = s.diff(s.all[0].Name, to, "/nope")
		require.Empty(t, got)
	}
}

func TestTreeAddsUp(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.write("a/one", "1")
	s.write("a/b/two", "22")
	s.write("c/three", "333")
	require.NoError(t, os.Link(s.path("c/three"), s.path("c/three-again")))
	s.snap()
	s.write("a/b/two", "22222222")
	s.remove("c")
	s.snap()
	show := func(snap int, path string, depth int) (list []string) {
		sizes, err := s.x.Tree(t.Context(), s.all[snap].Name, path, depth, 10)
		require.NoError(t, err)
		for _, z := range sizes {
			list = append(list, strings.Repeat(" ", z.Depth)+z.Path+" "+string(rune('0'+z.Bytes))+" "+string(rune('0'+z.Files)))
		}
		return list
	}
	require.Equal(t, []string{"/ 6 4", " /a 3 2", "  /a/b 2 1", "  /a/one 1 1", " /c 3 2", "  /c/three 3 1", "  /c/three-again 3 1"}, show(0, "/", 2))
	require.Equal(t, []string{"/ 9 2", " /a 9 2"}, show(1, "/", 1))
	require.Equal(t, []string{"/a/b 8 1", " /a/b/two 8 1"}, show(1, "/a/b", 1))
	require.Equal(t, []string{"/a/one 1 1"}, show(1, "/a/one", 3))
	_, err := s.x.Tree(t.Context(), s.all[1].Name, "/c", 1, 10)
	require.ErrorIs(t, err, ErrNotFound)
}
