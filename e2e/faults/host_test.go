//go:build faults

package faults

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/sshx/sshtest"
)

const mib = 1 << 20

// host is one with files of its own, reached through an sshd of its own.
type host struct {
	name, source string
	ssh          *sshtest.SSH
}

// newHost adds a host that has some small files and a big one of size bytes.
func newHost(t testing.TB, name string, size int, flags ...string) host {
	t.Helper()
	require.Zero(t, os.Geteuid(), "these tests need root: they make a ZFS pool")
	source := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.Mkdir(source, 0o755))
	h := newHostOn(t, name, source, flags...)
	h.grow(t, size)
	return h
}

// newHostOn adds a host whose files are below source, some of them put there
// now.
func newHostOn(t testing.TB, name, source string, flags ...string) host {
	t.Helper()
	h := host{name: name, source: source}
	require.NoError(t, os.MkdirAll(filepath.Join(h.source, "etc"), 0o755))
	h.write(t, "etc/hostname", []byte(name+"\n"))
	h.write(t, "etc/odd name ", []byte("x"))
	h.ssh = sshtest.Server(t, sshtest.Options{Root: h.source})
	stack.AddHost(t, name, h.ssh, append([]string{"--include", "/", "--storage", stack.ZFS.Storage()}, flags...)...)
	return h
}

func (h host) write(t testing.TB, file string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(h.source, file), content, 0o644))
}

// grow gives the host a new big file of noise.
func (h host) grow(t testing.TB, size int) {
	t.Helper()
	noise := make([]byte, size)
	_, err := rand.Read(noise)
	require.NoError(t, err)
	h.write(t, "big", noise)
}

func (h host) data() string    { return stack.Data(h.name) }
func (h host) dataset() string { return stack.Dataset(h.name) }

// pulled is how many bytes of the big file have arrived.
func (h host) pulled() int64 {
	info, err := os.Stat(filepath.Join(h.data(), "big"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// start starts a backup by hand and gives its run.
func (h host) start(t testing.TB, flags ...string) string {
	t.Helper()
	rows := stack.List(t, append([]string{"backup", h.name}, flags...)...)
	require.Len(t, rows, 1)
	return rows[0].Text("run")
}

// config is the directory that PlanB keeps the way to the host in.
func (h host) config(t testing.TB) string {
	t.Helper()
	found, err := theCatalog(t).Host(t.Context(), mustParse(t, h.name))
	require.NoError(t, err)
	return filepath.Join("hosts", found.ID)
}

// remote are the processes called name that the host runs for PlanB.
func (h host) remote(name string) []harness.Process {
	below := h.ssh.Descendants()
	return harness.Processes(func(p harness.Process) bool {
		program, _, _ := strings.Cut(filepath.Base(p.Argv[0]), ":") // "sshd: root@notty"
		return slices.Contains(below, p.PID) && program == name
	})
}

// startPull starts a backup and gives its run once the transfer is under way.
func (h host) startPull(t testing.TB) string {
	t.Helper()
	run := h.start(t)
	eventually(t, func() bool { return h.pulled() > 0 && len(harness.Writers(h.data())) > 0 }, "no transfer of %s", h.name)
	return run
}

// ended waits for the end of a run and gives it as the catalog has it.
func (h host) ended(t testing.TB, run string) catalog.Run {
	t.Helper()
	store := theCatalog(t)
	var r catalog.Run
	eventually(t, func() bool {
		var err error
		r, err = store.Run(t.Context(), run)
		return err == nil && policy.IsFinal(r.State)
	}, "the run of %s does not end:\n%s", h.name, &story{t, run})
	return r
}

// story prints a run when it is needed.
type story struct {
	t   testing.TB
	run string
}

func (s *story) String() string {
	return stack.Try(s.t, "run", "show", s.run).Stdout + s.logText()
}

func (s *story) logText() string {
	b, _ := os.ReadFile(stack.RunFile(s.run, ".log"))
	return string(b)
}

// requireStory checks that planb run show says all of words.
func requireStory(t testing.TB, run string, words ...string) {
	t.Helper()
	shown := strings.Join(strings.Fields(stack.Must(t, "run", "show", run)), " ")
	for _, w := range words {
		require.Contains(t, shown, w)
	}
}

func containsAll(text string, words ...string) bool {
	text = strings.Join(strings.Fields(text), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// rsyncs is how often rsync was started for a run.
func rsyncs(t testing.TB, run string) int {
	t.Helper()
	return strings.Count((&story{t, run}).logText(), " command rsync ")
}

// requireGood checks a run that has ended against the world: the one snapshot
// that the pool has of it, its files against the source, and the catalog.
func (h host) requireGood(t testing.TB, r catalog.Run) {
	t.Helper()
	require.Equal(t, policy.StateOK, r.State, "%s\n%s", r.Message, &story{t, r.ID})
	h.requireSnapshot(t, r)
	h.requireRestores(t, string(r.Snapshot), h.source)
	found, err := theCatalog(t).Host(t.Context(), mustParse(t, h.name))
	require.NoError(t, err)
	require.NotNil(t, found.LastGood)
	require.Equal(t, string(r.Snapshot), found.LastGoodSnapshot)
}

// requireRestores checks that a snapshot restored is as like is.
func (h host) requireRestores(t testing.TB, snapshot, like string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored")
	stack.Must(t, "restore", fmt.Sprintf("%s@%s", h.name, snapshot), "/", "--to", to)
	harness.RequireSame(t, like, to)
}

// requireSnapshot checks that the pool has one snapshot of the run, the one
// that the catalog names, and that nothing writes to the dataset any more.
func (h host) requireSnapshot(t testing.TB, r catalog.Run) {
	t.Helper()
	var of []string
	for _, name := range harness.Snapshots(t, h.dataset()) {
		if harness.Property(t, "planb:run", h.dataset()+"@"+name) == r.ID {
			of = append(of, name)
			require.Equal(t, r.State, harness.Property(t, "planb:state", h.dataset()+"@"+name))
		}
	}
	require.Equal(t, []string{string(r.Snapshot)}, of)
	require.Empty(t, harness.Writers(h.data()))
	listed := stack.List(t, "snapshots", h.name)
	require.Len(t, listed, len(harness.Snapshots(t, h.dataset())))
}

// requireOneRun checks that the catalog has one backup of the host.
func (h host) requireOneRun(t testing.TB) {
	t.Helper()
	runs, err := theCatalog(t).Runs(t.Context(), catalog.RunFilter{Host: mustParse(t, h.name), Kind: catalog.KindBackup})
	require.NoError(t, err)
	require.Len(t, runs, 1)
}
