package tarball

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func archive(t testing.TB, dir string, o Options, paths ...string) []byte {
	t.Helper()
	root, err := tree.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	var b bytes.Buffer
	require.NoError(t, Write(t.Context(), &b, root, paths, o))
	return b.Bytes()
}

func TestPathsWithinOthersAreWrittenOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := write(t, dir, "etc/nginx/conf", "c")
	require.NoError(t, os.Link(first, filepath.Join(dir, "etc/nginx-link")))
	var names []string
	var seen []string
	b := archive(t, dir, Options{Entry: func(p string, _ tree.Meta) { seen = append(seen, p) }}, "/etc/nginx/conf", "/etc/nginx", "/etc/nginx-link", "/etc/nginx")
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name+">"+h.Linkname)
	}
	require.Equal(t, []string{"etc/nginx-link>", "etc/nginx/>", "etc/nginx/conf>etc/nginx-link"}, names)
	require.Equal(t, []string{"/etc/nginx-link", "/etc/nginx", "/etc/nginx/conf"}, seen)

	root, err := tree.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	var listed []string
	require.NoError(t, List(t.Context(), root, []string{"/etc"}, Options{Entry: func(p string, _ tree.Meta) { listed = append(listed, p) }}))
	require.ElementsMatch(t, []string{"/etc", "/etc/nginx", "/etc/nginx/conf", "/etc/nginx-link"}, listed)
}

// A huge file that is all holes is small in the archive, and GNU tar and Go read
// it as it was.
func TestSparseFiles(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	const size = 5 << 30
	long := strings.Repeat("long/", 40) + "gr\xfc\xdfe\nfile"
	path := write(t, dir, long, "begin")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("middle"), size/2)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(size))
	require.NoError(t, f.Close())
	require.NoError(t, os.Chown(path, 4_000_000_000, 33))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, unix.Setxattr(path, "user.colour", []byte("blue"), 0))
	old := time.Date(1969, 5, 4, 3, 2, 1, 250_000_000, time.UTC)
	require.NoError(t, os.Chtimes(path, old, old))
	write(t, dir, "zz", "after it")
	empty := write(t, dir, "empty", "")
	require.NoError(t, os.Truncate(empty, 3<<20))

	b := archive(t, dir, Options{}, "/")
	require.Less(t, len(b), 256<<10)
	file := filepath.Join(t.TempDir(), "a.tar")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	text, err := exec.Command("tar", "-xpf", file, "--same-owner", "--numeric-owner", "--xattrs", "-C", out).CombinedOutput()
	require.NoError(t, err, "%s", text)
	text, err = exec.Command("rsync", "-rlptgoDHAXn", "--numeric-ids", "--delete", "-i", dir+"/", out+"/").CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(text))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(out, long), &st))
	require.EqualValues(t, size, st.Size)
	require.Less(t, st.Blocks*512, int64(1<<20))
	require.EqualValues(t, old.UnixNano(), st.Mtim.Nano())
	g, err := os.Open(filepath.Join(out, long))
	require.NoError(t, err)
	defer g.Close()
	for at, want := range map[int64]string{0: "begin\x00", size / 2: "middle\x00", size - 4: "\x00\x00\x00\x00"} {
		got := make([]byte, len(want))
		_, err = g.ReadAt(got, at)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	sizes := map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		sizes[h.Name] = h.Size
	}
	require.EqualValues(t, size, sizes[long])
	require.EqualValues(t, 3<<20, sizes["empty"])
	require.EqualValues(t, 8, sizes["zz"])
}

func TestRecordsCountTheirOwnLength(t *testing.T) {
	t.Parallel()
	for n := range 2000 {
		r := paxRecord("k", strings.Repeat("v", n))
		head, _, _ := strings.Cut(r, " ")
		require.Equal(t, strconv.Itoa(len(r)), head)
	}
	require.Equal(t, "-0.250000000", paxTime(-1, 750_000_000))
	require.Equal(t, "-2.750000000", paxTime(-3, 250_000_000))
}

func TestWhatTarCannotHoldIsLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a", "a")
	require.NoError(t, unix.Mknod(filepath.Join(dir, "sock"), unix.S_IFSOCK|0o755, 0))
	device := write(t, dir, "device", "")
	require.NoError(t, unix.Setxattr(device, tree.FakeSuperAttr, []byte("20666 1,4294967295 0:0"), 0))
	require.NoError(t, unix.Setxattr(filepath.Join(dir, "a"), "user.plain", []byte("kept"), 0))
	require.NoError(t, unix.Setxattr(filepath.Join(dir, "a"), "user.k=v", []byte("lost"), 0))
	left := map[string]string{}
	b := archive(t, dir, Options{Left: func(p, why string) { left[p] = why }}, "/")
	require.Equal(t, map[string]string{
		"/sock": "tar keeps no sockets", "/device": "tar has no room for its device number",
		"/a": "not the file, but an extended attribute that tar cannot name",
	}, left)
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		require.NoError(t, err, "/a is in the archive")
		if h.Name == "a" {
			require.Equal(t, "kept", h.PAXRecords["SCHILY.xattr.user.plain"])
			require.NotContains(t, h.PAXRecords, "SCHILY.xattr.user.k")
			break
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for name, tool := range map[string]string{"a.tar": "cat", "a.tar.gz": "gzip -dc", "a.tgz": "gzip -dc", "a.tar.ZST": "zstd -dc", "a.tar.zstd": "zstd -dc"} {
		var b bytes.Buffer
		w, err := Compress(&b, FormatOf(name))
		require.NoError(t, err)
		_, err = io.WriteString(w, "text")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		argv := strings.Fields(tool)
		if _, err := exec.LookPath(argv[0]); err != nil {
			t.Fatalf("this test needs %s: apt-get install zstd", argv[0])
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdin = &b
		out, err := cmd.Output()
		require.NoError(t, err, name)
		require.Equal(t, "text", string(out), name)
	}
	_, err := Compress(io.Discard, "rot13")
	require.ErrorContains(t, err, "zstd or gzip")
}

func TestWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a", "a")
	root, err := tree.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Write(ctx, io.Discard, root, []string{"/"}, Options{}), context.Canceled)
}
