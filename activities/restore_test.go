package activities

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
	"planb/internal/zfs"
)

// stored is a storage server with one snapshot of some files.
func stored(t *testing.T, files map[string]string) (*storageServer, RestoreActivityInput) {
	t.Helper()
	s := newStorageServer(t, policy.Settings{})
	s.Heartbeats = time.Hour
	for name, text := range files {
		path := filepath.Join(s.dataDir(), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o640))
	}
	return s, RestoreActivityInput{
		Plan: RestorePlan{
			Run: "run", HostID: s.plan.HostID, Host: web1, Server: "store1", Dataset: s.plan.Dataset, Snapshot: s.take(0, policy.StateOK),
		},
		Paths: []string{"/etc"}, To: filepath.Join(t.TempDir(), "to"),
	}
}

func (s *storageServer) log(run string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.LogFile(run))
	require.NoError(s.t, err)
	return string(text)
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// Nothing is restored over backups or PlanB's own files, whatever way leads
// there, nor over a directory that they are in.
func TestRestoreStaysOutOfTheStorage(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	d, err := s.ZFS.Dataset(t.Context(), s.plan.Storage)
	require.NoError(t, err)
	pool, _, _ := strings.Cut(s.plan.Storage, "/")
	_, _, err = s.ZFS.EnsureDataset(t.Context(), pool+"/old/web7", map[string]string{zfs.PropHost: "somebody"})
	require.NoError(t, err)
	old, err := s.ZFS.EnsureMounted(t.Context(), pool+"/old/web7")
	require.NoError(t, err)
	elsewhere := t.TempDir()
	link := filepath.Join(elsewhere, "link")
	require.NoError(t, os.Symlink(d.Mountpoint, link))
	for _, to := range []string{
		d.Mountpoint, d.Mountpoint + "/acme/web1/data", link, link + "/new/er", elsewhere + "/./link/acme", filepath.Dir(d.Mountpoint),
		old, old + "/data/new", filepath.Dir(old),
		s.State, s.State + "/runs", filepath.Dir(s.State), "/", "//", "/..", "relative", "",
	} {
		require.Equal(t, ErrTypeRefused, ErrType(s.refuseTarget(t.Context(), to, s.plan.Dataset)), to)
	}
	for _, to := range []string{elsewhere, elsewhere + "/new/er", d.Mountpoint + "-not", s.State + "-not"} {
		require.NoError(t, s.refuseTarget(t.Context(), to, s.plan.Dataset), to)
	}
}

func TestRestoreToADirectory(t *testing.T) {
	t.Parallel()
	s, in := stored(t, map[string]string{"etc/a": "a", "etc/b": "bb", "srv/c": "c"})
	out := do[RestoreResult](s, s.Restore, in)
	require.Equal(t, policy.StateOK, out.State, out.Message)
	require.EqualValues(t, 2, out.FilesTransferred)
	require.EqualValues(t, 3, out.BytesTransferred)
	require.Equal(t, "bb", readText(t, in.To+"/etc/b"))
	info, err := os.Stat(in.To)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "what a host calls a root's program is out of reach")
	require.NoDirExists(t, s.restoreDir("run"))

	// Temporal did not hear of it: nothing is done again.
	require.NoError(t, os.RemoveAll(in.To))
	require.Equal(t, out, do[RestoreResult](s, s.Restore, in))
	require.NoDirExists(t, in.To)

	in.Plan.Run = "another"
	require.NoError(t, os.MkdirAll(in.To+"/etc", 0o755))
	require.NoError(t, os.WriteFile(in.To+"/etc/a", []byte("mine\n"), 0o600))
	dry := in
	dry.DryRun, dry.Plan.Run = true, "dry"
	out = do[RestoreResult](s, s.Restore, dry)
	require.Equal(t, "dry run, nothing was changed: 1 new, 0 overwritten, 1 kept, 0 deleted", out.Message)
	require.NoFileExists(t, in.To+"/etc/b")
	require.Regexp(t, `(?m)^\S+Z new 2 /etc/b\n`, s.log("dry"))
	require.Regexp(t, `(?m)^\S+Z kept 1 /etc/a\n`, s.log("dry"))

	out = do[RestoreResult](s, s.Restore, in)
	require.Equal(t, policy.StateWarning, out.State)
	require.Equal(t, "mine\n", readText(t, in.To+"/etc/a"))
	require.Contains(t, s.log("another"), " kept 1 /etc/a\n")
	require.NotContains(t, s.log("another"), "command rsync -n")
}

// Each thing that a person has to mend is one sentence, and the end at once.
func TestRestoreRefusals(t *testing.T) {
	t.Parallel()
	s, in := stored(t, map[string]string{"etc/a": "a", "etc/big": strings.Repeat("x", 2<<20)})
	n := 0
	refused := func(errType, want string, change func(*RestoreActivityInput)) {
		t.Helper()
		n++
		again := in
		again.Plan.Run = "run" + string(rune('a'+n))
		change(&again)
		require.Contains(t, s.refuses(errType, s.Restore, again), want)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	refused(ErrTypeRefused, "there is no "+dir+"/none at the storage server", func(in *RestoreActivityInput) { in.To = dir + "/none/to" })
	refused(ErrTypeRefused, "no directory can be made in /proc", func(in *RestoreActivityInput) { in.To = "/proc/planb" })
	refused(ErrTypeRefused, "is not a directory", func(in *RestoreActivityInput) { in.To = file + "/to" })
	refused(ErrTypeRefused, "is there and not a directory", func(in *RestoreActivityInput) { in.To = file })
	refused(ErrTypeRefused, "/srv is not in the snapshot", func(in *RestoreActivityInput) { in.Paths = []string{"/srv"} })
	refused(ErrTypeRefused, "daily-200001010000", func(in *RestoreActivityInput) { in.Plan.Snapshot = "daily-200001010000" })
	refused(ErrTypeRefused, "not turned on", func(in *RestoreActivityInput) { in.Plan.Target = &Plan{Host: web1} })
	refused(ErrTypeRefused, "it has to end in .tar", func(in *RestoreActivityInput) { in.Tar = dir + "/a.zip" })
	archive := filepath.Join(dir, "there.tar")
	require.NoError(t, os.WriteFile(archive, nil, 0o600))
	refused(ErrTypeRefused, "is there already", func(in *RestoreActivityInput) { in.Tar = archive })
	refused(ErrTypeRefused, "there is no "+dir+"/none", func(in *RestoreActivityInput) { in.Tar = dir + "/none/a.tar" })
	refused(ErrTypeRefused, "/srv", func(in *RestoreActivityInput) { in.Tar, in.Paths = dir+"/a.tar", []string{"/srv"} })

	partial := s.take(-1, policy.StatePartial)
	refused(ErrTypeRefused, "is partial", func(in *RestoreActivityInput) { in.Plan.Snapshot, in.Delete = partial, true })

	lock, err := rsync.TryLock(dir)
	require.NoError(t, err)
	refused(ErrTypeRefused, "another restore writes to "+dir, func(in *RestoreActivityInput) { in.To = dir })
	require.NoError(t, lock.Close())

	small := t.TempDir()
	require.NoError(t, syscall.Mount("planb-test", small, "tmpfs", 0, "size=256k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(small, 0)) })
	refused(ErrTypeNoSpace, "there is no room left at the target, "+small, func(in *RestoreActivityInput) { in.To = small })
	refused(ErrTypeNoSpace, "there is no room left", func(in *RestoreActivityInput) { in.Tar = small + "/a.tar" })
	entries, err := os.ReadDir(small)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), ".part")
		require.NotContains(t, e.Name(), rsync.TempPrefix)
	}
	readonly := t.TempDir()
	require.NoError(t, syscall.Mount("planb-test", readonly, "tmpfs", syscall.MS_RDONLY, ""))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(readonly, 0)) })
	refused(ErrTypeRefused, "mounted read-only", func(in *RestoreActivityInput) { in.To = readonly + "/to" })
	refused(ErrTypeRefused, "mounted read-only", func(in *RestoreActivityInput) { in.To = readonly })
	refused(ErrTypeRefused, "mounted read-only", func(in *RestoreActivityInput) { in.Tar = readonly + "/a.tar" })

	s.Root = false
	refused(ErrTypeRefused, "not root", func(*RestoreActivityInput) {})
	in.AsSelf = true
	out := do[RestoreResult](s, s.Restore, in)
	require.Equal(t, policy.StateWarning, out.State)
	require.Contains(t, out.Message, "owners, devices, ACLs and extended attributes were left out")
	require.Equal(t, "a", readText(t, in.To+"/etc/a"))
}

// An error that nobody knows is tried again for an hour, not for days; a try
// that got somewhere begins the hour anew.
func TestRestoreGivesUp(t *testing.T) {
	t.Parallel()
	s := &Storage{State: t.TempDir(), Now: func() time.Time { return night }}
	now := night
	s.Now = func() time.Time { return now }
	require.NoError(t, os.MkdirAll(s.restoreDir("run"), 0o700))
	broken := errors.New("something else")
	require.Equal(t, broken, s.again("run", now, broken))
	now = now.Add(restorePatience - time.Second)
	require.Equal(t, broken, s.again("run", now, broken))
	began := now
	now = now.Add(2 * headway)
	require.Equal(t, broken, s.again("run", began, broken), "it got somewhere")
	now = now.Add(restorePatience + time.Second)
	err := s.again("run", now, broken)
	require.Equal(t, ErrTypePull, ErrType(err))
	require.Contains(t, Message(err), "something else; tried again for 1h0m0s")
	refusal := permanent(ErrTypeRefused, "no", "", nil)
	require.Equal(t, refusal, s.again("run", now, refusal))
}

func TestRestoreIntoAnArchive(t *testing.T) {
	t.Parallel()
	s, in := stored(t, map[string]string{"etc/a": "a", "etc/new\nline": "n"})
	in.To, in.Tar = "", filepath.Join(t.TempDir(), "a.tar.zst")
	dry := in
	dry.Plan.Run, dry.DryRun = "dry", true
	out := do[RestoreResult](s, s.Restore, dry)
	require.EqualValues(t, 3, out.Restored.New)
	require.Contains(t, s.log("dry"), ` new 1 /etc/new\nline`)
	require.NoFileExists(t, in.Tar)

	require.NoError(t, os.WriteFile(in.Tar+".part", []byte("mine"), 0o600))
	out = do[RestoreResult](s, s.Restore, in)
	require.Equal(t, policy.StateOK, out.State, out.Message)
	require.EqualValues(t, 2, out.FilesTransferred)
	beside, err := os.ReadDir(filepath.Dir(in.Tar))
	require.NoError(t, err)
	require.Len(t, beside, 2, "the archive, and what is not PlanB's")
	require.Equal(t, "mine", readText(t, in.Tar+".part"))
	f, err := os.Open(in.Tar)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	z, err := zstd.NewReader(f)
	require.NoError(t, err)
	defer z.Close()
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	require.ElementsMatch(t, []string{"etc/", "etc/a", "etc/new\nline"}, names)

	// The worker died right after the archive was in its place.
	require.NoError(t, os.Remove(s.restoreDoneFile("run")))
	require.NoError(t, os.MkdirAll(s.restoreDir("run"), 0o700))
	require.NoError(t, s.keepTarDone(restoreJob{RestoreActivityInput: in}, f, out))
	require.Equal(t, out, do[RestoreResult](s, s.Restore, in))

	in.Plan.Run = "another"
	require.Contains(t, s.refuses(ErrTypeRefused, s.Restore, in), "is there already")
	in.Overwrite, in.Plan.Run = true, "third"
	do[RestoreResult](s, s.Restore, in)
}

// What came to the place of an archive while it was written stays.
func TestArchiveReplacesNothingUnasked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, name := filepath.Join(dir, "part"), filepath.Join(dir, "a.tar")
	require.NoError(t, os.WriteFile(part, []byte("archive"), 0o600))
	require.NoError(t, os.WriteFile(name, []byte("mine"), 0o600))
	require.ErrorIs(t, putInPlace(part, name, false), os.ErrExist)
	require.Equal(t, "mine", readText(t, name))
	require.NoError(t, putInPlace(part, name, true))
	require.Equal(t, "archive", readText(t, name))
	require.NoFileExists(t, part)
}

// pushTo lets s push to a server of the test's own.
func pushTo(s *storageServer, in RestoreActivityInput, host *sshtest.SSH, settings policy.Settings) RestoreActivityInput {
	port := host.Target.Port
	settings.Port = &port
	s.Push = Push{Key: host.Target.KeyFile, User: host.Target.User}
	in.To = ""
	in.Plan.Target = &Plan{
		HostID: "target", Host: ident.Host{Group: "acme", Name: "web2"}, Transport: TransportSSH, Address: host.Target.Address, HostKeys: host.Target.HostKeys,
		Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, settings),
	}
	return in
}

func TestRestoreToAHost(t *testing.T) {
	t.Parallel()
	s, in := stored(t, map[string]string{"etc/a": "a", "etc/b": "bb"})
	host := sshtest.Server(t)
	in = pushTo(s, in, host, policy.Settings{})
	dir, err := os.MkdirTemp("", "planb-push-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	in.Prefix = dir + "/made/here"
	out := do[RestoreResult](s, s.Restore, in)
	require.Equal(t, policy.StateOK, out.State, out.Message)
	require.EqualValues(t, 2, out.FilesTransferred)
	require.Equal(t, "bb", readText(t, in.Prefix+"/etc/b"))

	for _, prefix := range []string{"relative", "/a/../b", "/a b", "/a;b", "/a$(b)"} {
		in.Prefix, in.Plan.Run = prefix, "run2"
		require.Contains(t, s.refuses(ErrTypeRefused, s.Restore, in), "is not usable as a directory on a host")
	}
	whole := in
	whole.Prefix, whole.Paths, whole.Delete, whole.DryRun, whole.Plan.Run = "", []string{"/etc", "//."}, true, true, "run2"
	for _, whole.Prefix = range []string{"", "/", "/./"} {
		require.Contains(t, s.refuses(ErrTypeRefused, s.Restore, whole), "what its backups leave out")
	}
	// One push at a time.
	lock, err := rsync.TryLock(filepath.Join(s.State, "push", "target"))
	require.NoError(t, err)
	in.Prefix, in.Plan.Run = dir+"/locked", "run5"
	require.Contains(t, s.refuses(ErrTypeRefused, s.Restore, in), "another restore writes to host acme/web2")
	require.NoDirExists(t, in.Prefix)
	require.NoError(t, lock.Close())
	// Another key than the pinned one: nothing is sent.
	in.Prefix, in.Plan.Run = dir+"/other", "run3"
	host.NewHostKey()
	s.refuses(ErrTypeHostKey, s.Restore, in)
	require.NoDirExists(t, in.Prefix)
	// Nobody answers: tried again.
	host.Kill()
	in.Plan.Run = "run4"
	_, err = try[RestoreResult](s, s.Restore, in)
	require.Equal(t, ErrTypeTransfer, ErrType(err), "%v", err)
}

// What a directory has that tar must keep, GNU tar gives back.
func TestArchiveIsReadByTar(t *testing.T) {
	t.Parallel()
	s, in := stored(t, map[string]string{"etc/a": "a"})
	require.NoError(t, os.Chown(s.dataDir()+"/etc/a", 1234, 5678))
	in.Plan.Snapshot = s.take(-1, policy.StateOK)
	in.To, in.Tar = "", filepath.Join(t.TempDir(), "a.tgz")
	do[RestoreResult](s, s.Restore, in)
	to := t.TempDir()
	text, err := exec.Command("tar", "-xpf", in.Tar, "--same-owner", "--numeric-owner", "-C", to).CombinedOutput()
	require.NoError(t, err, "%s", text)
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(to+"/etc/a", &st))
	require.EqualValues(t, 1234, st.Uid)
}
