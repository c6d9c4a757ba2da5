package rsync_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// tree is what the filter tests choose from.
var tree = []string{
	"etc/hosts", "etc/nginx/nginx.conf", "etc/cache/x",
	"home/anna/.cache/thing", "home/anna/my docs/a file", "home/bob/notes.tmp", "home/bob/notes", "home/file",
	"var/log/auth.log", "var/log/auth.log.1", "var/log/authdir/deep/file", "var/log/syslog", "var/cache/apt/pkg",
	"var/lib/dpkg/status", "var/lib/dpkg/status-old", "var/lib/dpkg/info/x", "var/lib/psdiff.db",
	"srv/we[i]rd/a*b", "srv/we[i]rd/axb", "srv/weird/file", `srv/back\slash`, "srv/ leading", "srv/trailing ", "srv/new\nline", "srv/#hash", "srv/- dash",
	"tmp/x", "opt/.cache",
}

// pulled gives the files that arrive at dest, with the directories that are
// empty, by real rsync.
func pulled(t testing.TB, source, dest string, includes, excludes []string) []string {
	t.Helper()
	f, err := rsync.NewFilter(includes, excludes)
	require.NoError(t, err)
	rules := filepath.Join(t.TempDir(), "rules")
	require.NoError(t, os.WriteFile(rules, f.Bytes(), 0o600))
	out, err := exec.Command("rsync", "-rlptD", "--delete", "--delete-excluded", "--from0", "--filter=merge "+rules, "--", source+"/", dest+"/").CombinedOutput()
	require.NoError(t, err, "%s", out)
	var files []string
	require.NoError(t, filepath.WalkDir(dest, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dest, path)
			files = append(files, rel)
		}
		return err
	}))
	sort.Strings(files)
	return files
}

func plant(t testing.TB) string {
	t.Helper()
	sshtest.RequireTool(t, "rsync", "rsync")
	dir := t.TempDir()
	files := map[string]string{}
	for _, f := range tree {
		files[f] = f
	}
	write(t, dir, files)
	return dir
}

// except gives the tree without what has one of the prefixes.
func except(prefixes ...string) []string {
	var left []string
next:
	for _, f := range tree {
		for _, p := range prefixes {
			if strings.HasPrefix(f, p) {
				continue next
			}
		}
		left = append(left, f)
	}
	sort.Strings(left)
	return left
}

func TestFilterTakesExactly(t *testing.T) {
	t.Parallel()
	source := plant(t)
	for name, c := range map[string]struct{ includes, excludes, want []string }{
		"all":             {nil, nil, except()},
		"root":            {[]string{"/"}, nil, except()},
		"directory":       {[]string{"etc"}, nil, []string{"etc/cache/x", "etc/hosts", "etc/nginx/nginx.conf"}},
		"leading slash":   {[]string{"/etc/nginx/"}, nil, []string{"etc/nginx/nginx.conf"}},
		"file":            {[]string{"etc/hosts"}, nil, []string{"etc/hosts"}},
		"slash is a dir":  {[]string{"etc/hosts/"}, nil, nil},
		"glob at the end": {[]string{"var/log/auth*"}, nil, []string{"var/log/auth.log", "var/log/auth.log.1", "var/log/authdir/deep/file"}},
		"glob inside":     {[]string{"home/*/my docs"}, nil, []string{"home/anna/my docs/a file"}},
		"first PlanB": {
			strings.Fields("root etc home data srv var/backups var/spool/cron var/www usr/local/bin var/lib/dpkg/status* var/lib/psdiff.db* var/log/auth*"),
			[]string{"srv", "home"},
			[]string{"etc/cache/x", "etc/hosts", "etc/nginx/nginx.conf", "var/lib/dpkg/status", "var/lib/dpkg/status-old", "var/lib/psdiff.db", "var/log/auth.log", "var/log/auth.log.1", "var/log/authdir/deep/file"},
		},
		"overlap":              {[]string{"var/log", "var/log/auth*", "var/log/syslog"}, nil, []string{"var/log/auth.log", "var/log/auth.log.1", "var/log/authdir/deep/file", "var/log/syslog"}},
		"exclude a name":       {nil, []string{".cache", "*.tmp"}, except("home/anna/.cache", "home/bob/notes.tmp", "opt/.cache")},
		"exclude a path":       {nil, []string{"/var/cache", "tmp/"}, except("var/cache", "tmp/")},
		"exclude is anchored":  {nil, []string{"cache/apt", "nginx/nginx.conf"}, except()},
		"exclude by two stars": {nil, []string{"home/**/thing"}, except("home/anna/.cache")},
		"exclude wins":         {[]string{"etc", "etc/nginx"}, []string{"etc/nginx"}, []string{"etc/cache/x", "etc/hosts"}},
		"exclude what is in":   {[]string{"etc"}, []string{"/etc/cache/*"}, []string{"etc/hosts", "etc/nginx/nginx.conf"}},
		"brackets are a class": {[]string{"srv/we[i]rd"}, nil, []string{"srv/weird/file"}},
		"brackets escaped":     {[]string{`srv/we\[i\]rd/a\*b`}, nil, []string{"srv/we[i]rd/a*b"}},
		"parent escaped":       {[]string{`srv/we\[i\]rd`}, nil, []string{"srv/we[i]rd/a*b", "srv/we[i]rd/axb"}},
		"backslash":            {[]string{`srv/back\\slash`}, nil, []string{`srv/back\slash`}},
		"spaces at the ends":   {[]string{"srv/ leading", "srv/trailing "}, nil, []string{"srv/ leading", "srv/trailing "}},
		"newline, # and -":     {[]string{"srv/new\nline", "srv/#hash", "srv/- dash"}, nil, []string{"srv/#hash", "srv/- dash", "srv/new\nline"}},
		"exclude a newline":    {[]string{"srv/new*", "srv/#*"}, []string{"new\nline"}, []string{"srv/#hash"}},
		"nothing there":        {[]string{"data"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, pulled(t, source, t.TempDir(), c.includes, c.excludes))
		})
	}
}

// A later exclude, or an include taken back, removes what was pulled before.
func TestFilterChangesRemoveFiles(t *testing.T) {
	t.Parallel()
	source, dest := plant(t), t.TempDir()
	require.Equal(t, except(), pulled(t, source, dest, nil, nil))
	require.Equal(t, except("home/anna/.cache", "opt/.cache"), pulled(t, source, dest, nil, []string{".cache"}))
	require.Equal(t, []string{"etc/hosts"}, pulled(t, source, dest, []string{"etc/hosts"}, nil))
	require.Equal(t, except(), pulled(t, source, dest, nil, nil))
}

// A parent that is a symbolic link comes along as the link that it is.
func TestFilterParentIsALink(t *testing.T) {
	t.Parallel()
	source := plant(t)
	require.NoError(t, os.Symlink("etc", filepath.Join(source, "link")))
	require.Equal(t, []string{"link"}, pulled(t, source, t.TempDir(), []string{"link/nginx"}, nil))
}

func TestFilterRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ include, exclude, want string }{
		{"  ", "", `include "  ": it is empty`},
		{"a/../b", "", `include "a/../b": it has ".."`},
		{"a[b", "", `it has a [ without ]`},
		{"a[b/c]", "", `it has a slash between [ and ]`},
		{`a\`, "", `it ends in a backslash`},
		{"a\x00b", "", `it has a NUL byte`},
		{"", "/", `would leave nothing to back up`},
	} {
		var includes, excludes []string
		if c.exclude != "" {
			excludes = []string{c.exclude}
		} else {
			includes = []string{c.include}
		}
		_, err := rsync.NewFilter(includes, excludes)
		require.ErrorContains(t, err, c.want)
	}
}

// Whatever the text, the rules are one per entry and no pattern ends a rule.
func FuzzNewFilter(f *testing.F) {
	f.Add("etc/[a-z]*", `a\b`)
	f.Fuzz(func(t *testing.T, include, exclude string) {
		filter, err := rsync.NewFilter([]string{include}, []string{exclude})
		if err != nil {
			return
		}
		for rule := range strings.SplitSeq(strings.TrimSuffix(string(filter.Bytes()), "\x00"), "\x00") {
			require.Regexp(t, `(?s)^[+-] .`, rule)
		}
	})
}
