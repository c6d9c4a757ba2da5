package dataplane

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// hostTree makes one of everything that a host may have, as root.
func hostTree(t *testing.T, dir string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(dir, name) }
	old := time.Date(2020, 2, 29, 12, 34, 56, 789_000_000, time.UTC)
	require.NoError(t, os.MkdirAll(in("bin"), 0o755))
	require.NoError(t, os.WriteFile(in("bin/su"), []byte("#!"), 0o600))
	require.NoError(t, os.Chown(in("bin/su"), 0, 42))
	require.NoError(t, os.Chmod(in("bin/su"), 0o755|os.ModeSetuid))
	require.NoError(t, os.Mkdir(in("secret"), 0o700))
	require.NoError(t, os.WriteFile(in("secret/none"), []byte("no bits"), 0o000))
	require.NoError(t, os.Chown(in("secret"), 1234, 5678))
	require.NoError(t, os.Chmod(in("secret"), 0o555|os.ModeSticky))
	require.NoError(t, os.Symlink("/etc/shadow", in("link")))
	require.NoError(t, os.Lchown(in("link"), 77, 78))
	require.NoError(t, unix.Mkfifo(in("fifo"), 0o640))
	require.NoError(t, unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
	require.NoError(t, unix.Mknod(in("sock"), unix.S_IFSOCK|0o755, 0))
	require.NoError(t, os.WriteFile(in("one"), []byte("twice"), 0o644))
	require.NoError(t, os.Link(in("one"), in("two")))
	require.NoError(t, os.WriteFile(in("attrs"), []byte("a"), 0o644))
	require.NoError(t, unix.Setxattr(in("attrs"), "user.colour", []byte("blue\x00green"), 0))
	require.NoError(t, unix.Setxattr(in("attrs"), "trusted.deep", []byte("t"), 0))
	setACL(t, "u:1000:r,g:33:rwx", in("attrs"))
	setACL(t, "d:u:7:rwx,g:5:x,u:4000000000:-", in("bin"))
	require.NoError(t, os.WriteFile(in("new\nline"), nil, 0o644))
	require.NoError(t, os.WriteFile(in("gr\xfc\xdfe"), nil, 0o644))
	// Old times, and the directories' last: rsync leaves the time of a file that
	// it made within the same second.
	ts := unix.NsecToTimespec(old.UnixNano())
	for _, name := range []string{
		"bin/su", "secret/none", "link", "fifo", "null", "disk", "sock", "one", "attrs", "new\nline", "gr\xfc\xdfe",
		"bin", "secret",
	} {
		require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(name), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

func setACL(t *testing.T, acl, path string) {
	t.Helper()
	requireTool(t, "setfacl")
	out, err := exec.Command("setfacl", "-m", acl, path).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// keepFakeSuper keeps a tree as a receiver that is not root does. The receiver
// is a remote one, reached by a shell that runs what it is given: in a local
// copy, options for one side make Debian 12's rsync copy to nowhere.
func keepFakeSuper(t *testing.T, source, data string) {
	t.Helper()
	cmd := exec.Command("rsync", "-rlptgoDHAX", "--numeric-ids", "-M--fake-super", "--secluded-args",
		`--rsh=sh -c 'shift; exec "$@"' sh`, source+"/", "localhost:"+data+"/")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// What rsync kept with --fake-super must read as what rsync was given.
func TestEntriesOfARealFakeSuperTreeEqualTheSource(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	requireTool(t, "rsync")
	p := newPlace(t)
	requireXattrs(t, p.data)
	source := t.TempDir()
	hostTree(t, source)
	keepFakeSuper(t, source, p.data)
	// The test is worth something only if rsync did fake.
	st, err := os.Lstat(filepath.Join(p.data, "link"))
	require.NoError(t, err)
	require.True(t, st.Mode().IsRegular())

	seen := map[string]bool{}
	for e, err := range p.c.List(t.Context(), in("/")) {
		require.NoError(t, err)
		requireSame(t, source, e)
		seen[e.RawName()] = true
		if e.Type != TypeDir {
			continue
		}
		for e, err := range p.c.List(t.Context(), in(e.RawPath())) {
			require.NoError(t, err)
			requireSame(t, source, e)
		}
	}
	require.Len(t, seen, 12)
	e, err := p.c.Stat(t.Context(), in("/disk"))
	require.NoError(t, err)
	require.Equal(t, "259,70000", *e.Rdev)
	e, err = p.c.Stat(t.Context(), in("/link"))
	require.NoError(t, err)
	require.Equal(t, "/etc/shadow", *e.LinkTarget)
	require.EqualValues(t, len("/etc/shadow"), e.Size)
	_, err = p.c.Read(t.Context(), in("/link"), 0, -1)
	require.ErrorIs(t, err, ErrWrongType)
	_, err = p.c.Stat(t.Context(), in("/link/x"))
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "symlink to /etc/shadow")
}

// requireSame compares an entry with the file of the source that it stands for.
func requireSame(t *testing.T, source string, e Entry) {
	t.Helper()
	require.Nil(t, e.Error, e.Path)
	d, err := tree.OpenRoot(source)
	require.NoError(t, err)
	defer d.Close()
	sub, _, m, err := d.Find(e.RawPath())
	require.NoError(t, err)
	defer sub.Close()
	want := newEntry(e.RawPath(), m)
	want.FakeSuper = e.FakeSuper
	if want.Type == TypeDir {
		want.Size, want.Hardlinks = e.Size, e.Hardlinks
	}
	require.Equal(t, want, e)
}

// A stored attribute that contradicts the stored file is not believed.
func TestFakeSuperThatDoesNotFitIsIgnored(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	requireXattrs(t, p.data)
	p.write(t, "file", "f")
	p.write(t, "corrupt", "c")
	p.write(t, "huge", "h")
	require.NoError(t, os.Mkdir(filepath.Join(p.data, "dir"), 0o755))
	set := func(name, text string) {
		require.NoError(t, unix.Setxattr(filepath.Join(p.data, name), tree.FakeSuperAttr, []byte(text), 0))
	}
	set("file", "40755 0,0 9:9")
	set("dir", "120777 0,0 9:9")
	set("corrupt", "hello")
	set("huge", string(make([]byte, 1000)))
	for e, err := range p.c.List(t.Context(), in("/")) {
		require.NoError(t, err)
		require.False(t, e.FakeSuper, e.Path)
		require.EqualValues(t, os.Getuid(), e.UID)
	}
}
