package rsync_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// write makes files below dir: path to content; a path that ends in a slash is
// a directory.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
}

// newPull gives a pull of all that server has, into an empty directory.
func newPull(t testing.TB, server *sshtest.SSH) rsync.Pull {
	t.Helper()
	sshtest.RequireTool(t, "rsync", "rsync")
	dest := filepath.Join(t.TempDir(), "data")
	work := filepath.Join(t.TempDir(), "a run's files")
	require.NoError(t, os.Mkdir(dest, 0o755))
	require.NoError(t, os.Mkdir(work, 0o700))
	return rsync.Pull{
		Session: server.Session(), Dest: dest, WorkDir: work, Super: os.Geteuid() == 0,
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	write(t, source, map[string]string{"etc/hosts": "127.0.0.1 localhost\n", "a b/c'd \"e\"": "spaces and quotes", "new\nline": "odd"})
	p := newPull(t, sshtest.Server(t, sshtest.Options{Root: source}))
	var log bytes.Buffer
	var seen []rsync.Progress
	r, err := rsync.Run(t.Context(), p, rsync.RunOptions{
		Log: &log, StallAfter: time.Minute, OnProgress: func(p rsync.Progress) { seen = append(seen, p) },
	})
	require.NoError(t, err, log.String())
	require.Equal(t, rsync.OK, r.State, log.String())
	require.EqualValues(t, 3, r.Stats.FilesTransferred)
	require.EqualValues(t, 3, r.Progress.Files)
	require.NotEmpty(t, seen)
	b, err := os.ReadFile(filepath.Join(p.Dest, "new\nline"))
	require.NoError(t, err)
	require.Equal(t, "odd", string(b))

	for _, want := range []string{" command rsync -rlptgoDH ", " changed >f+++++++++ /etc/hosts\n", ` stats {"files_total":6,`, " end ok\n"} {
		require.Contains(t, log.String(), want)
	}
	left, err := os.ReadDir(p.WorkDir)
	require.NoError(t, err)
	require.Empty(t, left, "the filter rules are removed")
}

func TestPullRefusesToStart(t *testing.T) {
	t.Parallel()
	good := newPull(t, sshtest.Server(t, sshtest.Options{Root: t.TempDir()}))
	for want, change := range map[string]func(*rsync.Pull){
		"data directory is not usable": func(p *rsync.Pull) { p.Dest += "/none" },
		"include":                      func(p *rsync.Pull) { p.Includes = []string{""} },
		"tolerated paths":              func(p *rsync.Pull) { p.Tolerate = []string{"["} },
		"it runs a command":            func(p *rsync.Pull) { p.Flags = []string{"-e", "id"} },
	} {
		p := good
		change(&p)
		_, err := rsync.Run(t.Context(), p, rsync.RunOptions{})
		require.ErrorContains(t, err, want)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// childrenNamed lists live processes of these names whose command line has
// word in it.
func childrenNamed(t testing.TB, one, other, word string) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		b, _ := os.ReadFile(file)
		argv := strings.Split(string(b), "\x00")
		if base := filepath.Base(argv[0]); (base == one || base == other) && strings.Contains(string(b), word) {
			found = append(found, strings.Join(argv, " "))
		}
	}
	return found
}
