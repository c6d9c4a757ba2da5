package dataplane

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tarball"
)

// tarTo copies an archive and closes the stream.
func (p place) tarTo(t *testing.T, w io.Writer, paths ...string) error {
	t.Helper()
	r, err := p.c.Tar(t.Context(), in(""), paths...)
	require.NoError(t, err)
	_, err = io.Copy(w, r)
	return errors.Join(err, r.Close())
}

// The archive of a tree that rsync kept, unpacked by tar, is the tree that the
// host had.
func TestArchiveOfARealFakeSuperTreeUnpacksToTheSource(t *testing.T) {
	t.Parallel()
	requireArchiveOfSource(t, keepFakeSuper)
}

func TestArchiveOfATreeKeptByRootUnpacksToTheSource(t *testing.T) {
	t.Parallel()
	requireArchiveOfSource(t, func(t *testing.T, source, data string) {
		out, err := exec.Command("rsync", "-rlptgoDHAX", "--numeric-ids", source+"/", data+"/").CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
}

// requireArchiveOfSource has a tree kept, and compares what comes out of its
// archive with what went in.
func requireArchiveOfSource(t *testing.T, keep func(t *testing.T, source, data string)) {
	t.Helper()
	requireRoot(t)
	requireTool(t, "rsync")
	requireTool(t, "tar")
	p := newPlace(t)
	requireXattrs(t, p.data)
	source, unpacked := t.TempDir(), t.TempDir()
	hostTree(t, source)
	require.NoError(t, os.Remove(filepath.Join(source, "sock")), "tar keeps no sockets")
	run := func(argv ...string) string {
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	keep(t, source, p.data)
	archive := filepath.Join(t.TempDir(), "a.tar")
	f, err := os.Create(archive)
	require.NoError(t, err)
	require.NoError(t, p.tarTo(t, f))
	require.NoError(t, f.Close())
	run("tar", "-x", "-p", "--same-owner", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*", "-f", archive, "-C", unpacked)
	diff := run("rsync", "-n", "-rlptgoDHAX", "--numeric-ids", "--checksum", "--delete", "--itemize-changes", source+"/", unpacked+"/")
	// The directory itself is not part of it: it is not in the archive's care.
	require.Empty(t, diff)
}

func TestArchiveOfSomePaths(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "etc/nginx/nginx.conf", "user www;")
	p.write(t, "etc/passwd", "root")
	p.write(t, "srv/x", "1")
	p.write(t, "gr\xfc\xdfe\n", "latin")
	var b bytes.Buffer
	require.NoError(t, p.tarTo(t, &b, "/etc/nginx", "/gr\xfc\xdfe\n"))
	var names []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	require.Equal(t, []string{"etc/nginx/", "etc/nginx/nginx.conf", "gr\xfc\xdfe\n"}, names)
}

func TestArchiveThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "big", string(make([]byte, 8<<20)))
	r, err := p.c.Tar(t.Context(), in(""))
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 64<<10))
	require.NoError(t, err)
	p.srv.CloseClientConnections()
	_, err = io.Copy(io.Discard, r)
	require.ErrorIs(t, err, ErrServer)
	require.ErrorContains(t, err, "store1 broke off")
	require.NoError(t, r.Close())
}

func TestArchiveHoldsLongAttributes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	requireXattrs(t, p.data)
	p.write(t, "f", "x")
	require.NoError(t, unix.Setxattr(filepath.Join(p.data, "f"), "user.big", bytes.Repeat([]byte("b"), 2000), 0))
	var b bytes.Buffer
	require.NoError(t, p.tarTo(t, &b, "/f"))
	h, err := tar.NewReader(&b).Next()
	require.NoError(t, err)
	require.Len(t, h.PAXRecords["SCHILY.xattr.user.big"], 2000)
}

func TestArchiveCompressedOnTheWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "f", "text")
	r, err := p.c.Archive(t.Context(), in(""), tarball.Zstd, "/f")
	require.NoError(t, err)
	defer r.Close()
	z, err := zstd.NewReader(r)
	require.NoError(t, err)
	defer z.Close()
	tr := tar.NewReader(z)
	h, err := tr.Next()
	require.NoError(t, err)
	require.Equal(t, "f", h.Name)
	_, err = p.c.Archive(t.Context(), in(""), "rot13", "/f")
	require.ErrorIs(t, err, ErrBadRequest)
	require.ErrorContains(t, err, "zstd or gzip")
}
