package rsync_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// same fails unless real rsync finds no difference between two trees.
func same(t testing.TB, a, b string) {
	t.Helper()
	out, err := exec.Command("rsync", "-rlptgoDHn", "--numeric-ids", "--checksum", "--delete", "--itemize-changes", "--", a+"/", b+"/").CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(out))
}

func TestPullKeepsWhatAFileIs(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"bin/su": "x", "etc/a": "a", "empty/": ""})
	for path, mode := range map[string]uint32{"bin/su": 0o4711, "etc": 0o750, "empty": 0o1777} {
		require.NoError(t, syscall.Chmod(filepath.Join(source, path), mode))
	}
	require.NoError(t, os.Lchown(filepath.Join(source, "etc/a"), 12345, 54321))
	require.NoError(t, os.Link(filepath.Join(source, "etc/a"), filepath.Join(source, "etc/hard")))
	require.NoError(t, os.Symlink("/nowhere", filepath.Join(source, "etc/soft")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(source, "fifo"), 0o600))
	require.NoError(t, syscall.Mknod(filepath.Join(source, "null"), syscall.S_IFCHR|0o666, 1<<8|3))
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	same(t, source, p.Dest)

	require.NoError(t, os.Remove(filepath.Join(source, "etc/soft")))
	write(t, source, map[string]string{"etc/a": "changed", "etc/soft/now a directory": "x"})
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.OK, r.State)
	same(t, source, p.Dest)
}

// Only what changed is sent and written, and a file keeps its place on disk.
func TestPullWritesInPlace(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	bigFile(t, source, "big")
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	before, err := os.Stat(filepath.Join(p.Dest, "big"))
	require.NoError(t, err)
	f, err := os.OpenFile(filepath.Join(source, "big"), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("changed"), big/2)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r := run(t, p, rsync.RunOptions{})
	require.Equal(t, rsync.OK, r.State)
	require.Less(t, r.Stats.Literal, int64(1<<20))
	after, err := os.Stat(filepath.Join(p.Dest, "big"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	same(t, source, p.Dest)
}

func TestPullThroughSudoAndIonice(t *testing.T) {
	t.Parallel()
	sshtest.RequireTool(t, "sudo", "sudo")
	sshtest.RequireTool(t, "ionice", "util-linux")
	source := t.TempDir()
	write(t, source, map[string]string{"etc/a": "a"})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	p.Sudo, p.IONice, p.RsyncPath = true, true, "/usr/bin/rsync"
	if path, err := exec.LookPath("rsync"); err == nil {
		p.RsyncPath = path
	}
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	same(t, source, p.Dest)
}

func TestPullFromDaemon(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"etc/a": "a", "etc/skip": "", "srv/b c": "b"})
	d := sshtest.RsyncDaemon(t, source)
	good := rsync.Daemon{Address: d.Address, Port: d.Port, Module: d.Module, User: d.User, PasswordFile: d.PasswordFile}
	dest := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(dest, 0o755))
	p := rsync.Pull{Daemon: &good, Dest: dest, WorkDir: t.TempDir(), Super: true, Excludes: []string{"skip"}}
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	require.Equal(t, "b", read(t, dest, "srv/b c"))
	require.NoFileExists(t, filepath.Join(dest, "etc/skip"))

	wrong := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(wrong, []byte("guess\n"), 0o600))
	for name, c := range map[string]struct {
		change func(*rsync.Daemon)
		kind   rsync.Type
		retry  bool
		want   string
	}{
		"password": {func(d *rsync.Daemon) { d.PasswordFile = wrong }, rsync.TypeModule, false, "refused the user or the password"},
		"module":   {func(d *rsync.Daemon) { d.Module = "other" }, rsync.TypeModule, false, "has no such module"},
		"port":     {func(d *rsync.Daemon) { d.Port = 1 }, rsync.TypeUnreachable, true, "127.0.0.1::backup: the rsync daemon is unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			daemon := good
			c.change(&daemon)
			p := p
			p.Daemon = &daemon
			r := run(t, p, rsync.RunOptions{})
			require.Equal(t, rsync.Failed, r.State)
			require.Equal(t, c.kind, r.Type, r.Message)
			require.Equal(t, c.retry, r.Retry)
			require.Contains(t, r.Message, c.want)
		})
	}
}

func TestArgvRefuses(t *testing.T) {
	t.Parallel()
	session := newPull(t, sshtest.Server(t)).Session
	for name, p := range map[string]rsync.Pull{
		"no source":          {Dest: "/d"},
		"relative dest":      {Session: session, Dest: "d"},
		"remote path":        {Session: session, Dest: "/d", RsyncPath: "rsync; id"},
		"remote path option": {Session: session, Dest: "/d", RsyncPath: "-x"},
		"remote path space":  {Session: session, Dest: "/d", RsyncPath: "/opt/my rsync"},
		"flag":               {Session: session, Dest: "/d", Flags: []string{"--rsh=id"}},
		"daemon option":      {Daemon: &rsync.Daemon{Address: "-e", Module: "m"}, Dest: "/d"},
		"daemon module":      {Daemon: &rsync.Daemon{Address: "a", Module: "m/../x"}, Dest: "/d"},
		"daemon user":        {Daemon: &rsync.Daemon{Address: "a", Module: "m", User: "-x"}, Dest: "/d"},
		"daemon password":    {Daemon: &rsync.Daemon{Address: "a", Module: "m", PasswordFile: "x"}, Dest: "/d"},
		"two sources":        {Session: session, Daemon: &rsync.Daemon{Address: "a", Module: "m"}, Dest: "/d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Argv("/f")
			require.Error(t, err)
		})
	}
}

func TestArgvProfile(t *testing.T) {
	t.Parallel()
	p := newPull(t, sshtest.Server(t))
	p.Super, p.ACLs, p.Xattrs, p.Bandwidth, p.MaxDelete = false, true, true, 10<<20, 7
	p.Flags = []string{"-z", "--one-file-system", "-x"}
	argv, err := p.Argv("/somewhere/my filter")
	require.NoError(t, err)
	line := strings.Join(argv, "\n")
	for _, want := range []string{
		"-rlptgoDHAX", "--numeric-ids", "--fake-super", "--delete-excluded", "--inplace", "--no-whole-file", "--partial",
		"--bwlimit=10240", "--max-delete=7", "--compress", "--filter=merge /somewhere/my filter",
	} {
		require.Contains(t, argv, want)
	}
	require.NotContains(t, line, "--chmod")
	require.NotContains(t, line, "--sparse")
	require.Equal(t, 1, strings.Count(line, "--one-file-system"))
	require.Equal(t, []string{"--", "127.0.0.1:/", p.Dest + "/"}, argv[len(argv)-3:])

	p.Super = true
	argv, err = p.Argv("/f")
	require.NoError(t, err)
	require.NotContains(t, argv, "--fake-super")
	p.Super, p.Xattrs = false, false
	argv, err = p.Argv("/f")
	require.NoError(t, err)
	require.NotContains(t, argv, "--fake-super", "there is nowhere to keep it")
}

// The way there and back of a receiver that is not root: owners, modes, ACLs
// and extended attributes wait in attributes of the stored files.
func TestFakeSuperThereAndBack(t *testing.T) {
	t.Parallel()
	sshtest.RequireTool(t, "setfacl", "acl")
	sshtest.RequireTool(t, "getfacl", "acl")
	source, dest := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"etc/a": "a", "etc/b": "b"})
	a := filepath.Join(source, "etc/a")
	require.NoError(t, os.Lchown(a, 12345, 54321))
	require.NoError(t, syscall.Chmod(a, 0o4750))
	require.NoError(t, unix.Setxattr(a, "user.note", []byte("kept"), 0))
	out, err := exec.Command("setfacl", "-m", "u:4242:r", a).CombinedOutput()
	require.NoError(t, err, "%s", out)
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	p.Super, p.ACLs, p.Xattrs = false, true, true
	require.Equal(t, rsync.OK, run(t, p, rsync.RunOptions{}).State)
	// A second pull finds nothing to do.
	require.Zero(t, run(t, p, rsync.RunOptions{}).Stats.FilesTransferred)

	r := runCopy(t, rsync.Copy{Source: p.Dest, Dest: dest, Paths: []string{"/"}, FakeSuper: true, ACLs: true, Xattrs: true})
	require.Equal(t, rsync.OK, r.State, r.Tail)
	same(t, source, dest)
	note := make([]byte, 16)
	n, err := unix.Getxattr(filepath.Join(dest, "etc/a"), "user.note", note)
	require.NoError(t, err)
	require.Equal(t, "kept", string(note[:n]))
	acl := func(dir string) string {
		out, err := exec.Command("getfacl", "-nc", filepath.Join(dir, "etc/a")).Output()
		require.NoError(t, err)
		return string(out)
	}
	require.Contains(t, acl(dest), "user:4242:r--")
	require.Equal(t, acl(source), acl(dest))
}
