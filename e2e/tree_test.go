package e2e

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// bigSize is that of a file which changes in place, in bytes.
	bigSize = 32 << 20
	// strangeName has what breaks programs that read names line by line.
	strangeName = "new\nline and \"quotes\" and -dash"
)

// source makes the tree of a host: everything that a backup loses easily.
func source(t testing.TB) string {
	t.Helper()
	require.Zero(t, os.Geteuid(), "these tests need root: they give files to other users and make a ZFS pool")
	root := filepath.Join(t.TempDir(), "the source (of it all)")
	dirs := []string{"etc/nginx", "empty/inside empty", "Übergröße/日本語", "tmp"}
	for _, d := range dirs {
		require.NoError(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	write(t, root, "etc/nginx/nginx.conf", "worker_processes 4;\n")
	write(t, root, "etc/hostname", "web1\n")
	write(t, root, "etc/ends with space ", "x")
	write(t, root, "Übergröße/日本語/ñandú.txt", "¡hola!\n")
	write(t, root, strangeName, "still a name\n")
	write(t, root, "-rf", "not an option\n")
	write(t, root, "zero bytes", "")
	write(t, root, "setuid", "#!/bin/sh\n")
	require.NoError(t, os.Chmod(filepath.Join(root, "setuid"), 0o755|os.ModeSetuid|os.ModeSetgid))
	require.NoError(t, os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky))
	write(t, root, "secret", "s3cret\n")
	require.NoError(t, os.Chmod(filepath.Join(root, "secret"), 0))
	write(t, root, "owned", "by somebody unknown here\n")
	require.NoError(t, os.Lchown(filepath.Join(root, "owned"), 12345, 54321))
	require.NoError(t, os.Lchown(filepath.Join(root, "empty"), 12345, 12345))
	require.NoError(t, os.Link(filepath.Join(root, "owned"), filepath.Join(root, "etc/owned too")))
	require.NoError(t, os.Symlink("../nowhere", filepath.Join(root, "etc/dangling")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(root, "absolute link")))
	require.NoError(t, os.Lchown(filepath.Join(root, "absolute link"), 12345, 0))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o640))
	writeBig(t, filepath.Join(root, "big"))
	old := time.Date(2001, 2, 3, 4, 5, 6, 789e6, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(root, "etc/nginx/nginx.conf"), old, old))
	require.NoError(t, os.Chtimes(filepath.Join(root, "etc/nginx"), old, old))
	return root
}

func write(t testing.TB, root, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
}

// writeBig writes noise, which no compression makes small, with a hole in it.
func writeBig(t testing.TB, file string) {
	t.Helper()
	f, err := os.Create(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	noise := make([]byte, bigSize/2)
	_, _ = rand.Read(noise)
	_, err = f.Write(noise[:bigSize/4])
	require.NoError(t, err)
	_, err = f.WriteAt(noise[bigSize/4:], bigSize*3/4)
	require.NoError(t, err)
}

// scribble changes n bytes in the middle of a file.
func scribble(t testing.TB, file string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	require.NoError(t, err)
	noise := make([]byte, n)
	_, _ = rand.Read(noise)
	_, err = f.WriteAt(noise, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// restore brings dir of a snapshot back and gives the directory it is in.
func restore(t testing.TB, hostSnap, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored to")
	must(t, "restore", hostSnap, dir, "--to", to)
	return filepath.Join(to, dir)
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
