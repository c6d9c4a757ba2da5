package rsync_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
)

func runCopy(t testing.TB, c rsync.Copy) rsync.CopyReport {
	t.Helper()
	c.Super = os.Geteuid() == 0
	r, err := rsync.RunCopy(t.Context(), c, rsync.RunOptions{})
	require.NoError(t, err)
	return r
}

func TestCopyRecreatesPaths(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), filepath.Join(t.TempDir(), "new")
	write(t, source, map[string]string{
		"etc/nginx/conf": "nginx", "etc/other": "not asked for", "#odd name": "odd", "-rf": "dash", "srv/a\nb": "newline",
	})
	require.NoError(t, os.Chmod(filepath.Join(source, "etc"), 0o750))
	c := rsync.Copy{Source: source, Dest: dest, Paths: []string{"/etc/nginx/", "#odd name", "-rf", "/srv/../srv/a\nb"}}
	dry := c
	dry.DryRun = true
	r := runCopy(t, dry)
	require.Equal(t, rsync.OK, r.State, r.Tail)
	require.NoDirExists(t, dest)
	require.Contains(t, r.Items, rsync.Item{Code: ">f+++++++++", Path: "/etc/nginx/conf"})

	r = runCopy(t, c)
	require.Equal(t, rsync.OK, r.State, r.Tail)
	require.EqualValues(t, 4, r.Stats.FilesTransferred)
	require.FileExists(t, filepath.Join(dest, "etc/nginx/conf"))
	require.FileExists(t, filepath.Join(dest, "#odd name"))
	require.FileExists(t, filepath.Join(dest, "-rf"))
	require.FileExists(t, filepath.Join(dest, "srv/a\nb"))
	require.NoFileExists(t, filepath.Join(dest, "etc/other"))
	info, err := os.Stat(filepath.Join(dest, "etc"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o750), info.Mode().Perm())
}

func TestCopyAll(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"etc/a": "a", "b": "b"})
	r := runCopy(t, rsync.Copy{Source: source, Dest: dest, Paths: []string{"/"}})
	require.Equal(t, rsync.OK, r.State, r.Tail)
	require.FileExists(t, filepath.Join(dest, "etc/a"))
	require.FileExists(t, filepath.Join(dest, "b"))
}

func TestCopyLeavesExistingFiles(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"etc/a": "old", "etc/b": "b"})
	write(t, dest, map[string]string{"etc/a": "newer"})
	c := rsync.Copy{Source: source, Dest: dest, Paths: []string{"/etc"}}
	r := runCopy(t, c)
	require.Equal(t, rsync.Warning, r.State)
	require.Equal(t, []string{"/etc/a"}, r.Skipped)
	require.Equal(t, "newer", read(t, dest, "etc/a"))
	require.Equal(t, "b", read(t, dest, "etc/b"))

	c.Overwrite = true
	r = runCopy(t, c)
	require.Equal(t, rsync.OK, r.State)
	require.Equal(t, "old", read(t, dest, "etc/a"))
}

func TestCopyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"etc/a": "a"})
	for _, path := range []string{"/etc/none", "/none/a", "/etc/a/b", "../../../etc/passwd"} {
		_, err := rsync.RunCopy(t.Context(), rsync.Copy{Source: source, Dest: dest, Paths: []string{path}}, rsync.RunOptions{})
		var missing *rsync.MissingError
		require.ErrorAs(t, err, &missing, path)
	}
	_, err := rsync.RunCopy(t.Context(), rsync.Copy{Source: source, Dest: dest}, rsync.RunOptions{})
	require.ErrorContains(t, err, "nothing to restore")
}

// A link that the host planted must not lead to files of this machine.
func TestCopyFollowsNoLinks(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink("/", filepath.Join(source, "var")))
	_, err := rsync.RunCopy(t.Context(), rsync.Copy{Source: source, Dest: dest, Paths: []string{"/var/etc/passwd"}}, rsync.RunOptions{})
	var link *rsync.LinkError
	require.ErrorAs(t, err, &link)
	require.Equal(t, "/var", link.Link)

	r := runCopy(t, rsync.Copy{Source: source, Dest: dest, Paths: []string{"/var"}})
	require.Equal(t, rsync.OK, r.State)
	target, err := os.Readlink(filepath.Join(dest, "var"))
	require.NoError(t, err)
	require.Equal(t, "/", target)
}

// What a receiver that is not root stored comes back with its owner and mode.
func TestCopyDecodesFakeSuper(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("this test gives files away: run it as root")
	}
	host, source, dest := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, host, map[string]string{"etc/secret": "secret"})
	require.NoError(t, os.Chown(filepath.Join(host, "etc/secret"), 1234, 5678))
	require.NoError(t, syscall.Chmod(filepath.Join(host, "etc/secret"), 0o4400))
	require.NoError(t, syscall.Mknod(filepath.Join(host, "etc/null"), syscall.S_IFCHR|0o666, 1<<8|3))
	out, err := exec.Command("rsync", "-aX", "--fake-super", "--numeric-ids", host+"/", source+"/").CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := os.Stat(filepath.Join(source, "etc/secret"))
	require.NoError(t, err)
	require.NotEqual(t, uint32(1234), info.Sys().(*syscall.Stat_t).Uid, "the test did not store it as fake-super")

	r := runCopy(t, rsync.Copy{Source: source, Dest: dest, Paths: []string{"/etc"}, FakeSuper: true, Xattrs: true})
	require.Equal(t, rsync.OK, r.State, r.Tail)
	var st syscall.Stat_t
	require.NoError(t, syscall.Lstat(filepath.Join(dest, "etc/secret"), &st))
	require.Equal(t, uint32(1234), st.Uid)
	require.Equal(t, uint32(5678), st.Gid)
	require.Equal(t, uint32(0o4400), st.Mode&0o7777)
	require.NoError(t, syscall.Lstat(filepath.Join(dest, "etc/null"), &st))
	require.Equal(t, uint32(syscall.S_IFCHR), st.Mode&syscall.S_IFMT)
}

func read(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(b)
}
