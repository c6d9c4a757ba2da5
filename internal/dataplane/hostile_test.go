package dataplane

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// Nothing that a pulled host can leave in its tree leads out of it.
func TestLinksAreShownAndNeverFollowed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "real/file", "inside")
	outside := filepath.Join(filepath.Dir(p.data), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("the neighbour's"), 0o600))
	links := map[string]string{
		"shadow": "/etc/shadow", "etc": "/etc", "up": "..", "neighbour": "../outside", "far": "../../../../../../etc",
		"proc": "/proc/self/root", "inner": "real", "loop": "loop", "dangling": "nowhere", "file": "real/file",
	}
	for name, target := range links {
		require.NoError(t, os.Symlink(target, filepath.Join(p.data, name)))
	}
	for name, target := range links {
		e, err := p.c.Stat(t.Context(), in("/"+name))
		require.NoError(t, err)
		require.Equal(t, TypeSymlink, e.Type)
		require.Equal(t, target, e.RawLinkTarget())
		require.Equal(t, "l", e.Permissions()[:1])
		require.Equal(t, []string{"/" + name}, p.paths(t, "/"+name), "a listing of a link is the link")
		_, err = p.c.Read(t.Context(), in("/"+name), 0, -1)
		require.ErrorIs(t, err, ErrWrongType)
		require.ErrorContains(t, err, "symlink to "+target)
		for _, below := range []string{"/file", "/passwd", "/outside", "/shadow"} {
			_, err = p.c.Read(t.Context(), in("/"+name+below), 0, -1)
			require.ErrorIs(t, err, ErrNotFound)
			_, err = p.c.ListPage(t.Context(), in("/"+name+below), "", 0)
			require.ErrorIs(t, err, ErrNotFound)
		}
	}
}

func TestDataDirectoryThatIsALink(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	require.NoError(t, os.Remove(p.data))
	require.NoError(t, os.Symlink("/etc", p.data))
	_, err := p.c.Stat(t.Context(), in("/passwd"))
	require.ErrorIs(t, err, ErrServer)
}

// A directory that turns into a link while it is read must not lead out either.
func TestTreeThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "a/secret", "inside")
	outside := filepath.Join(filepath.Dir(p.data), "outside")
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("OUTSIDE"), 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(p.data, "b")))
	var swapper sync.WaitGroup
	done := make(chan struct{})
	swapper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(p.data, "a"), unix.AT_FDCWD, filepath.Join(p.data, "b"), unix.RENAME_EXCHANGE)
			}
		}
	})
	defer swapper.Wait()
	defer close(done)
	root, err := tree.Open(filepath.Dir(p.data))
	require.NoError(t, err)
	defer root.Close()
	good := 0
	for range 5000 {
		d, name, m, err := root.Find("/a/secret")
		if err != nil {
			continue
		}
		f, err := d.OpenFile(name)
		d.Close()
		require.NoError(t, err)
		text := make([]byte, 10)
		n, _ := f.Read(text)
		f.Close()
		require.Equal(t, "inside", string(text[:n]))
		require.EqualValues(t, len("inside"), m.Size)
		good++
	}
	require.Positive(t, good)
}

func TestSpecialFilesNeitherHangNorOpen(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	p := newPlace(t)
	require.NoError(t, unix.Mkfifo(filepath.Join(p.data, "fifo"), 0o644))
	require.NoError(t, unix.Mknod(filepath.Join(p.data, "zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(p.data, "sock"))
	require.NoError(t, err)
	defer l.Close()
	for name, kind := range map[string]string{"fifo": TypeFIFO, "zero": TypeChar, "sock": TypeSocket} {
		e, err := p.c.Stat(t.Context(), in("/"+name))
		require.NoError(t, err)
		require.Equal(t, kind, e.Type)
		_, err = p.c.Read(t.Context(), in("/"+name), 0, -1)
		require.ErrorIs(t, err, ErrWrongType)
	}
	// Even where the look came before the fifo did.
	root, err := tree.Open(filepath.Dir(p.data))
	require.NoError(t, err)
	defer root.Close()
	_, err = root.OpenFile("fifo")
	require.ErrorContains(t, err, "not a regular file")
}

func TestNamesThatAreNotText(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	names := map[string]string{
		"new\nline":        `new\nline`,
		"gr\xfc\xdfe":      `gr\xfc\xdfe`,
		"\x1b[31mred":      `\x1b[31mred`,
		"txt\u202egpj.exe": `txt\u202egpj.exe`,
		"back\\slash":      `back\slash`,
		"back\\slash\n":    `back\\slash\n`,
		"-rf":              "-rf",
		"Grüße 日本":         "Grüße 日本",
		"a b\"c'<&>":       "a b\"c'<&>",
		"%2e%2e&path=x;?":  "%2e%2e&path=x;?",
		"...":              "...",
		" ":                " ",
	}
	for name := range names {
		p.write(t, "dir/"+name, name)
	}
	seen := 0
	for e, err := range p.c.List(t.Context(), in("/dir")) {
		require.NoError(t, err)
		name := e.RawName()
		require.Equal(t, names[name], e.Name)
		require.Equal(t, "/dir/"+name, e.RawPath())
		require.Equal(t, e.NameB64 != nil, e.Name != name)
		require.Equal(t, name, p.read(t, e.RawPath(), 0, -1), "%q", name)
		seen++
	}
	require.Equal(t, len(names), seen)
	require.NoError(t, os.Symlink("to\nx\xff", filepath.Join(p.data, "link")))
	e, err := p.c.Stat(t.Context(), in("/link"))
	require.NoError(t, err)
	require.Equal(t, `to\nx\xff`, *e.LinkTarget)
	require.Equal(t, "to\nx\xff", e.RawLinkTarget())
}

func TestTimesBeyondJSON(t *testing.T) {
	t.Parallel()
	require.Equal(t, 9999, clampYear(time.Unix(1<<50, 0)).Year())
	require.Equal(t, 1, clampYear(time.Unix(-1<<50, 0)).Year())
	_, err := clampYear(time.Unix(-1<<62, 0)).MarshalJSON()
	require.NoError(t, err)
}

func TestDeepTree(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	// Deeper than a path can say: made and reached step by step.
	const depth = 3000
	fd, err := unix.Open(p.data, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	for range depth {
		require.NoError(t, unix.Mkdirat(fd, "d", 0o755))
		next, err := unix.Openat(fd, "d", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		fd = next
	}
	require.NoError(t, unix.Close(fd))
	e, err := p.c.Stat(t.Context(), in(strings.Repeat("/d", 2000)))
	require.NoError(t, err)
	require.Equal(t, TypeDir, e.Type)
	_, err = p.c.Stat(t.Context(), in(strings.Repeat("/d", depth)))
	require.ErrorIs(t, err, ErrBadRequest)
	err = p.tarTo(t, t.Output(), "/")
	require.ErrorContains(t, err, "longer than 4096 bytes")
}
