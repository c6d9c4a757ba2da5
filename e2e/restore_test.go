package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

// takesBack lets the key for restores run planb-receiver on s, with flags and a
// directory.
func takesBack(t testing.TB, s *sshtest.SSH, line string) {
	t.Helper()
	receiver, err := filepath.Abs("../deploy/host/planb-receiver")
	require.NoError(t, err)
	key := read(t, restoreKeyOf(filepath.Dir(program))+".pub")
	f, err := os.OpenFile(filepath.Join(s.Dir, "authorized_keys"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = fmt.Fprintf(f, "\nrestrict,command=\"%s %s\" %s", receiver, line, key)
	require.NoError(t, err)
}

// plainDir is a directory whose name needs no quoting on a remote command line.
func plainDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "planb-e2e-restore-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// All ways to bring files back give what the host had, and a dry run changes
// nothing and lists what would.
func TestRestoreEveryWay(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "ways/web1", s, "--include", "/")
	snapshot := backupOK(t, "ways/web1")

	t.Run("directory", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "to")
		rows := listing(t, "restore", "ways/web1", "/etc", "--to", to, "--dry-run")
		require.NoDirExists(t, to)
		require.Equal(t, "new", find(t, rows, "path", "/etc/hostname")["action"])
		require.EqualValues(t, 5, find(t, rows, "path", "/etc/hostname")["size_bytes"])
		must(t, "restore", "ways/web1", "/etc", "--to", to)
		write(t, to, "etc/hostname", "another\n")
		write(t, to, "etc/mine", "mine\n")
		out := must(t, "restore", "ways/web1", "/etc", "--to", to, "--dry-run", "--overwrite", "--delete")
		require.Regexp(t, `(?m)^overwritten +5 B +/etc/hostname$`, out)
		require.Regexp(t, `(?m)^deleted +0 B +/etc/mine$`, out)
		require.FileExists(t, filepath.Join(to, "etc/mine"))
		out = must(t, "restore", "ways/web1", "/etc", "--to", to)
		require.Contains(t, out, "1 entry was there already, and left alone")
		require.Contains(t, out, "kept /etc/hostname\n")
		out = must(t, "restore", "ways/web1", "/etc", "--to", to, "--overwrite", "--delete")
		require.Contains(t, out, "1 entry was there already, and deleted")
		harness.RequireSame(t, filepath.Join(src, "etc"), filepath.Join(to, "etc"))
		run := listing(t, "restore", "ways/web1", "/etc/hostname", "--to", filepath.Join(t.TempDir(), "one"))[0]
		require.Equal(t, "ok", run["state"])
		require.Equal(t, "restore", run["kind"])
		require.Contains(t, must(t, "run", "log", run["run"].(string)), "/etc/hostname")
	})

	t.Run("archive", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.tar.zst")
		must(t, "restore", "ways/web1", "/", "--tar", file)
		unpack := func(to string, argv ...string) {
			out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			harness.RequireSame(t, src, to)
		}
		to := t.TempDir()
		unpack(to, "tar", "-xpf", file, "--zstd", "--same-owner", "--numeric-owner", "--acls", "--xattrs", "-C", to)
		require.Contains(t, planb(t, "restore", "ways/web1", "/", "--tar", file).stderr, "is there already")
		stream := filepath.Join(t.TempDir(), "s.tar.zst")
		require.NoError(t, os.WriteFile(stream, []byte(must(t, "restore", "ways/web1", "/", "--tar", "-", "--zstd")), 0o600))
		to = t.TempDir()
		unpack(to, "tar", "-xpf", stream, "--zstd", "--same-owner", "--numeric-owner", "-C", to)
	})

	t.Run("host", func(t *testing.T) {
		r := planb(t, "restore", "ways/web1", "/etc", "--to-host", "--prefix", "/tmp/x")
		require.Equal(t, failed, r.code, r.stderr)
		require.Contains(t, r.stderr, "ways/web1 refused the key for restores: see docs/restore.md")

		other := sshtest.Server(t)
		dir := plainDir(t)
		takesBack(t, other, dir)
		args := append(addArgs("ways/web2", other), "--include", "/nonexistent-dir", "--host-key", other.HostKey())
		must(t, args...)
		must(t, "restore", "ways/web1@"+snapshot, "/", "--to-host=ways/web2", "--prefix", dir+"/back")
		require.NoError(t, exec.Command("touch", "-r", src, dir+"/back").Run())
		harness.RequireSame(t, src, dir+"/back")
		rows := listing(t, "restore", "ways/web1", "/etc", "--to-host=ways/web2", "--prefix", dir+"/back", "--dry-run")
		require.Empty(t, rows, "all is there")
		write(t, dir, "back/etc/hostname", "live\n")
		r = planb(t, "restore", "ways/web1", "/etc", "--to-host=ways/web2", "--prefix", dir+"/back", "--overwrite")
		require.Equal(t, refused, r.code)
		require.Contains(t, r.stderr, "may not (--allow-overwrite)")
		require.Equal(t, "live\n", read(t, filepath.Join(dir, "back/etc/hostname")))
		r = planb(t, "restore", "ways/web1", "/etc", "--to-host=ways/web2", "--prefix", "/tmp/elsewhere")
		require.Contains(t, r.stderr, "is not below "+dir)
		must(t, "host", "disable", "ways/web2", "--reason", "moving")
		r = planb(t, "restore", "ways/web1", "/etc", "--to-host=ways/web2", "--prefix", dir)
		requireOneLine(t, r, refused, "ways/web2 is disabled (moving)")
	})
}

func TestRestoreFlagsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"one of --to DIR":               {"/etc", "--to", "/tmp/x", "--tar", "/tmp/x.tar"},
		"say --to-host=acme/web2":       {"acme/web2", "/etc", "--to-host"},
		"--prefix goes with --to-host":  {"/etc", "--to", "/tmp/x", "--prefix", "/y"},
		"is not usable as a directory":  {"/etc", "--to-host", "--prefix", "/a b"},
		"--zstd goes with --tar -":      {"/etc", "--tar", "/tmp/a.tar", "--zstd"},
		"it has to end in .tar":         {"/etc", "--tar", "/tmp/a.zip"},
		"--delete does not go with":     {"/etc", "--tar", "/tmp/a.tar", "--delete"},
		"goes with --zstd alone":        {"/etc", "--tar", "-", "--json"},
		"--as-self goes with --to":      {"/etc", "--to-host", "--as-self"},
		"is no path on the host":        {"etc", "--to", "/tmp/x"},
		"\"web2\" is not a host":        {"/etc", "--to-host=web2"},
		"say what to restore":           {"--to", "/tmp/x"},
		"say where to restore to: one ": {"/etc"},
	} {
		r := planb(t, append([]string{"restore", "flags/web1"}, args...)...)
		require.Equal(t, usage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, want, "%q", args)
		require.Equal(t, 1, strings.Count(r.stderr, "\n"), r.stderr)
	}
}
