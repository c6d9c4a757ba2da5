package rsync_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// planbSender installs the forced command that hosts are given.
func planbSender(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../deploy/host/planb-sender")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "planb-sender")
	require.NoError(t, os.WriteFile(file, b, 0o755))
	return file
}

func compare(t testing.TB, c rsync.Compare) (rsync.Result, map[string]rsync.Difference) {
	t.Helper()
	var log bytes.Buffer
	got := map[string]rsync.Difference{}
	r, err := rsync.RunCompare(t.Context(), c, rsync.RunOptions{Log: &log}, func(path string, d rsync.Difference) { got[path] = d })
	require.NoError(t, err, log.String())
	t.Log(log.String())
	return r, got
}

// hostile are names that filter rules or rsync's output could trip over.
var hostile = []string{
	"plain", "two words ", " space first", "new\nline", "\r", "tab\t", "star*", "quest?", "set[abc]", "back\\slash", `\#012`, `\#`,
	"star*and\\back", "latin-\xe9", "+ x", "- *", "#", "=", "**", "planb=.f          x", "ü", "..f", "\x01\x7f",
}

// TestCompare is through the forced command and on paths of the whole machine,
// as on a host.
func TestCompare(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("it needs root: owners are changed")
	}
	host := t.TempDir()
	old := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	var paths []string
	for _, dir := range append([]string{"d"}, hostile...) {
		for _, name := range hostile {
			if dir != "d" && name != dir {
				continue
			}
			path := filepath.Join(host, "in "+dir, name)
			write(t, host, map[string]string{filepath.Join("in "+dir, name): "as it was"})
			require.NoError(t, os.Chtimes(path, old, old))
			paths = append(paths, path)
		}
	}
	special := func(name string) string {
		path := filepath.Join(host, "x", name)
		write(t, host, map[string]string{filepath.Join("x", name): "as it was"})
		require.NoError(t, unix.Setxattr(path, "user.color", []byte("red"), 0))
		setACL(t, path, "u:4711:r")
		require.NoError(t, os.Chtimes(path, old, old))
		paths = append(paths, path)
		return path
	}
	for _, name := range []string{"gone", "a directory", "a link", "silent", "grown", "touched", "mode", "owner", "acl", "xattr", "rewritten"} {
		special(name)
	}
	require.NoError(t, os.Chown(paths[0], 4711, 4712))
	require.NoError(t, os.Chmod(paths[1], 0o4751))
	write(t, host, map[string]string{"x/not asked for": "x"})

	for name, tc := range map[string]struct {
		super bool
	}{"root": {true}, "not root": {false}} {
		t.Run(name, func(t *testing.T) {
			// The host, through one server for both.
			server := sshtest.Server(t, sshtest.Options{ForcedCommand: planbSender(t)})
			p := newPull(t, server)
			p.Super, p.ACLs, p.Xattrs = tc.super, true, true
			pull := p
			pull.Includes = []string{host}
			require.Equal(t, rsync.OK, run(t, pull, rsync.RunOptions{}).State)
			c := rsync.Compare{Pull: p, Paths: paths}
			r, got := compare(t, c)
			require.Equal(t, rsync.OK, r.State, r.Message)
			for _, path := range paths {
				if _, ok := got[path]; !ok {
					t.Errorf("%q was not compared", path)
				}
			}
			for path, d := range got {
				require.True(t, d.Same(), "%q: %s", path, d)
			}

			// What a program that is not root restores keeps its owners the way
			// the snapshot does.
			restored, work := t.TempDir(), t.TempDir()
			report, err := rsync.RunRestore(t.Context(), rsync.Restore{
				Source: p.Dest, Paths: paths, Dest: restored, WorkDir: filepath.Join(work, "restore"),
				FakeSuper: !tc.super, KeepFake: !tc.super, ACLs: true, Xattrs: true, Overwrite: true,
			}, rsync.RunOptions{})
			require.NoError(t, err)
			require.Equal(t, rsync.OK, report.State, report.Tail)
			c.Pull.Dest = restored
			for _, local := range []string{"", p.Dest} {
				c.Local = local
				r, got = compare(t, c)
				require.Equal(t, rsync.OK, r.State, r.Message)
				require.Len(t, got, len(paths))
				for path, d := range got {
					require.True(t, d.Same(), "%q: %s", path, d)
				}
			}
		})
	}

	p := newPull(t, sshtest.Server(t, sshtest.Options{ForcedCommand: planbSender(t)}))
	p.ACLs, p.Xattrs = true, true
	pull := p
	pull.Includes = []string{host}
	require.Equal(t, rsync.OK, run(t, pull, rsync.RunOptions{}).State)
	at := func(name string) string { return filepath.Join(host, "x", name) }
	require.NoError(t, os.Remove(at("gone")))
	require.NoError(t, os.Remove(at("a directory")))
	write(t, host, map[string]string{"x/a directory/with/files": "x"})
	require.NoError(t, os.Remove(at("a link")))
	require.NoError(t, os.Symlink("/etc/passwd", at("a link")))
	write(t, host, map[string]string{"x/silent": "as it Was", "x/grown": "as it was, and more", "x/rewritten": "as it Was"})
	require.NoError(t, os.Chtimes(at("silent"), old, old))
	require.NoError(t, os.Chtimes(at("touched"), old, old.Add(time.Hour)))
	require.NoError(t, os.Chmod(at("mode"), 0o4711))
	require.NoError(t, os.Chown(at("owner"), 12345, 0))
	setACL(t, at("acl"), "u:4712:r")
	require.NoError(t, unix.Setxattr(at("xattr"), "user.color", []byte("blue"), 0))

	r, got := compare(t, rsync.Compare{Pull: p, Paths: append(paths, "/nonexistent/planb", at("not restored"))})
	require.Equal(t, rsync.OK, r.State, r.Message)
	changed := map[string]rsync.Difference{}
	for path, d := range got {
		if !d.Same() {
			changed[filepath.Base(path)] = d
		}
	}
	require.Equal(t, map[string]rsync.Difference{
		"a directory": {Other: true},
		"a link":      {Other: true},
		"silent":      {Content: true},
		"grown":       {Content: true, Size: true, Time: true},
		"rewritten":   {Content: true, Time: true},
		"touched":     {Time: true},
		"mode":        {Mode: true},
		"owner":       {Owner: true},
		"acl":         {ACL: true},
		"xattr":       {Xattr: true},
	}, changed)
	require.NotContains(t, got, at("gone"))
	require.NotContains(t, got, at("not asked for"))
	require.FileExists(t, filepath.Join(p.Dest, at("gone")), "comparing changes nothing")
	require.Equal(t, "as it was", read(t, p.Dest, at("silent")))

	// The same between two directories of this machine.
	r, got = compare(t, rsync.Compare{Pull: rsync.Pull{Dest: p.Dest, WorkDir: t.TempDir(), Super: true, ACLs: true, Xattrs: true}, Local: "/", Paths: paths})
	require.Equal(t, rsync.OK, r.State, r.Message)
	require.Equal(t, rsync.Difference{Content: true}, got[at("silent")])
	require.True(t, got[paths[0]].Same())
}

func FuzzItemReader(f *testing.F) {
	f.Add([]byte("planb=.f          etc/a\nplanb=>fc........ etc/\\#012\n"), "/etc/a")
	f.Add([]byte("planb=cd+++++++++ a/\nplanb= \nnoise"), "/a")
	f.Fuzz(func(t *testing.T, output []byte, path string) { rsync.ReadItems(output, path) })
}

func setACL(t testing.TB, path, entry string) {
	t.Helper()
	sshtest.RequireTool(t, "setfacl", "acl")
	out, err := exec.Command("setfacl", "-m", entry, path).CombinedOutput()
	require.NoError(t, err, string(out))
}

// Files that are names of one on the host and were two are both read.
func TestCompareReadsEachName(t *testing.T) {
	t.Parallel()
	host, restored := t.TempDir(), t.TempDir()
	old := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	write(t, host, map[string]string{"a": "same"})
	require.NoError(t, os.Link(filepath.Join(host, "a"), filepath.Join(host, "b")))
	write(t, restored, map[string]string{"a": "same", "b": "else"})
	for _, path := range []string{filepath.Join(host, "a"), filepath.Join(restored, "a"), filepath.Join(restored, "b")} {
		require.NoError(t, os.Chtimes(path, old, old))
	}
	_, got := compare(t, rsync.Compare{Pull: rsync.Pull{Dest: restored, WorkDir: t.TempDir(), Super: true}, Local: host, Paths: []string{"/a", "/b"}})
	require.True(t, got["/a"].Same(), "%s", got["/a"])
	require.Equal(t, rsync.Difference{Content: true}, got["/b"])
}

func TestCompareWithDaemon(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"etc/a": "a", "etc/b": "b"})
	d := sshtest.RsyncDaemon(t, source)
	dest := t.TempDir()
	p := rsync.Pull{
		Daemon: &rsync.Daemon{Address: d.Address, Port: d.Port, Module: d.Module, User: d.User, PasswordFile: d.PasswordFile},
		Dest:   dest, WorkDir: t.TempDir(), Super: true,
	}
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	write(t, dest, map[string]string{"etc/b": "B"})
	info, err := os.Stat(filepath.Join(source, "etc/b"))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(filepath.Join(dest, "etc/b"), info.ModTime(), info.ModTime()))
	r, got := compare(t, rsync.Compare{Pull: p, Paths: []string{"/etc/a", "/etc/b"}})
	require.Equal(t, rsync.OK, r.State, r.Message)
	require.Equal(t, map[string]rsync.Difference{"/etc/a": {}, "/etc/b": {Content: true}}, got)
}

func TestCompareWhenTheHostIsGone(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	p := newPull(t, server)
	server.Kill()
	r, got := compare(t, rsync.Compare{Pull: p, Paths: []string{"/etc/hostname"}})
	require.Equal(t, rsync.Failed, r.State)
	require.Equal(t, rsync.TypeUnreachable, r.Type)
	require.Empty(t, got)
}

func TestCompareIsCancelledAndStalls(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t, sshtest.Options{ForcedCommand: "sleep 600"})
	p := newPull(t, server)
	c := rsync.Compare{Pull: p, Paths: []string{"/etc/hostname"}}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := os.ErrClosed
	time.AfterFunc(300*time.Millisecond, func() { cancel(stopped) })
	_, err := rsync.RunCompare(ctx, c, rsync.RunOptions{}, nil)
	require.ErrorIs(t, err, stopped)
	r, err := rsync.RunCompare(t.Context(), c, rsync.RunOptions{StallAfter: 300 * time.Millisecond}, nil)
	require.NoError(t, err)
	require.Equal(t, rsync.TypeStalled, r.Type)
}
