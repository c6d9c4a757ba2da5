package rsync_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// restoreTo restores and gives what it told of each change, as "action path".
func restoreTo(t testing.TB, r rsync.Restore) (rsync.RestoreReport, []string) {
	t.Helper()
	if r.WorkDir == "" {
		r.WorkDir = filepath.Join(t.TempDir(), "run")
	}
	if r.Session == nil && !r.DryRun {
		require.NoError(t, os.MkdirAll(r.Dest, 0o700))
	}
	var changes []string
	r.OnChange = func(c rsync.Change) { changes = append(changes, c.Action+" "+c.Path) }
	var log bytes.Buffer
	report, err := rsync.RunRestore(t.Context(), r, rsync.RunOptions{Log: &log})
	require.NoError(t, err, log.String())
	if report.State == rsync.Failed || report.State == rsync.Partial {
		t.Log(log.String())
	}
	sort.Strings(changes)
	return report, changes
}

// everyKind makes one of every kind of file that a host may have, as root.
func everyKind(t testing.TB, dir string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, dir, map[string]string{
		"bin/su": "#!", "etc/app/conf": "conf", "etc/app/secret/none": "no bits", "one": "twice", "attrs": "a", "new\nline": "n", "gr\xfc\xdfe": "latin",
		"odd/\x1b[31mred": "r", "odd/back\\#012slash": "b", "odd/ exists": "e", "odd/-rf": "f", "odd/#hash": "h", "odd/;x": "s", "odd/\x7f\x01": "c",
	})
	for path, mode := range map[string]uint32{"bin/su": 0o4711, "etc/app/secret": 0o1555, "etc/app/secret/none": 0, "etc/app": 0o750} {
		require.NoError(t, syscall.Chmod(in(path), mode))
	}
	require.NoError(t, os.Lchown(in("etc/app"), 1234, 4_000_000_000))
	require.NoError(t, os.Symlink("/etc/shadow", in("etc/app/link")))
	require.NoError(t, os.Lchown(in("etc/app/link"), 77, 78))
	require.NoError(t, unix.Mkfifo(in("fifo"), 0o640))
	require.NoError(t, unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
	require.NoError(t, os.Link(in("one"), in("etc/app/two")))
	require.NoError(t, unix.Setxattr(in("attrs"), "user.colour", []byte("blue\x00green"), 0))
	// Not both on one file: rsync then finds them different whenever it looks
	// (3.2.7 and 3.5.0, read under --fake-super).
	require.NoError(t, unix.Setxattr(in("one"), "trusted.deep", []byte("t"), 0))
	for acl, name := range map[string]string{"u:1000:r,g:33:rwx": "attrs", "d:u:7:rwx,g:5:x": "bin"} {
		out, err := exec.Command("setfacl", "-m", acl, in(name)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	old := unix.NsecToTimespec(time.Date(1969, 2, 28, 12, 34, 56, 789_000_000, time.UTC).UnixNano())
	for _, name := range []string{"bin/su", "etc/app/link", "fifo", "null", "one", "attrs", "etc/app/secret", "etc/app", "etc"} {
		require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(name), []unix.Timespec{old, old}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

// asStored gives a copy of a tree as a receiver that is not root keeps it.
func asStored(t testing.TB, tree string) string {
	t.Helper()
	stored := t.TempDir()
	out, err := exec.Command("rsync", "-rlptgoDHAX", "--numeric-ids", "--fake-super", "--secluded-args",
		`--rsh=sh -c 'shift; exec "$@"' sh`, "localhost:"+tree+"/", stored+"/").CombinedOutput()
	require.NoError(t, err, "%s", out)
	st, err := os.Lstat(filepath.Join(stored, "disk"))
	require.NoError(t, err)
	require.True(t, st.Mode().IsRegular(), "the test did not store it as fake-super")
	return stored
}

// sameInAll fails unless real rsync finds no difference between two trees,
// attributes and ACLs included.
func sameInAll(t testing.TB, a, b string) {
	t.Helper()
	out, err := exec.Command("rsync", "-rlptgoDHAXn", "--numeric-ids", "--checksum", "--delete", "--itemize-changes", "--", a+"/", b+"/").CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(out))
}

// Each way back gives the tree that the host had.
func TestRestoreGivesBackEveryKindOfFile(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	everyKind(t, host)
	stored := asStored(t, host)
	server := sshtest.Server(t)
	for name, r := range map[string]rsync.Restore{
		"directory":          {Source: stored, FakeSuper: true},
		"directory, by root": {Source: host},
		"host":               {Source: stored, FakeSuper: true, Session: server.Session()},
		"host, by root":      {Source: host, Session: server.Session()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Dest, r.Paths, r.ACLs, r.Xattrs = filepath.Join(plainDir(t), "to"), []string{"/"}, true, true
			report, _ := restoreTo(t, r)
			require.Equal(t, rsync.OK, report.State, report.Message)
			require.EqualValues(t, 15, report.Counts.Files-report.Counts.Kept, "regular files, links counted once: %+v", report.Counts)
			if r.Session != nil {
				// What is at the target is not changed, and that is the directory itself.
				require.NoError(t, exec.Command("touch", "-r", host, r.Dest).Run())
			}
			sameInAll(t, host, r.Dest)
			again, changes := restoreTo(t, rsync.Restore{
				Source: r.Source, FakeSuper: r.FakeSuper, Session: r.Session, Dest: r.Dest, Paths: r.Paths, ACLs: true, Xattrs: true,
			})
			require.Empty(t, changes, "what is there and the same is not worth a word")
			require.Equal(t, rsync.OK, again.State, again.Message)
			require.Zero(t, again.Counts.New)
		})
	}
}

// Without Overwrite nothing that is there changes: no file, no directory above
// or within, no link.
func TestRestoreLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	for _, remote := range []bool{false, true} {
		t.Run(map[bool]string{false: "directory", true: "host"}[remote], func(t *testing.T) {
			t.Parallel()
			source, dest := t.TempDir(), plainDir(t)
			write(t, source, map[string]string{"etc/app/a": "old", "etc/app/b": "b", "etc/app/same": "same", "etc/app/d/x": "x", "etc/app/new/y": "yy", "etc/other": "o"})
			require.NoError(t, os.Symlink("there", filepath.Join(source, "etc/app/link")))
			write(t, dest, map[string]string{"etc/app/a": "newer", "etc/app/link": "a file", "etc/app/extra": "e", "etc/keep": "k", "etc/app/d/": ""})
			out, err := exec.Command("cp", "-p", filepath.Join(source, "etc/app/same"), filepath.Join(dest, "etc/app/same")).CombinedOutput()
			require.NoError(t, err, "%s", out)
			for path, mode := range map[string]os.FileMode{"etc": 0o711, "etc/app": 0o701, "etc/app/d": 0o770} {
				require.NoError(t, os.Chmod(filepath.Join(dest, path), mode))
			}
			before := listing(t, dest)
			r := rsync.Restore{Source: source, Dest: dest, Paths: []string{"/etc/app"}}
			if remote {
				r.Session = server.Session()
			}
			dry := r
			dry.DryRun, dry.Delete = true, true
			report, changes := restoreTo(t, dry)
			require.Equal(t, rsync.OK, report.State, report.Message)
			require.Equal(t, before, listing(t, dest), "a dry run changes nothing")
			require.Equal(t, []string{
				"deleted /etc/app/extra", "kept /etc/app", "kept /etc/app/a", "kept /etc/app/d", "kept /etc/app/link",
				"new /etc/app/b", "new /etc/app/d/x", "new /etc/app/new", "new /etc/app/new/y",
			}, changes)
			require.Equal(t, rsync.RestoreCounts{New: 4, Kept: 4, Deleted: 1, Files: 3, Bytes: 4, Total: 10}, report.Counts)

			report, changes = restoreTo(t, r)
			require.Equal(t, rsync.Warning, report.State, report.Message)
			require.Contains(t, report.Message, "4 entries were there already")
			require.Equal(t, []string{"kept /etc/app", "kept /etc/app/a", "kept /etc/app/d", "kept /etc/app/link"}, changes)
			after := listing(t, dest)
			for path, was := range before {
				if path != "." && path != "etc/app" && path != "etc/app/d" {
					require.Equal(t, was, after[path], path)
				}
			}
			require.Equal(t, os.FileMode(0o701), mode(t, dest, "etc/app"))
			require.Equal(t, os.FileMode(0o770), mode(t, dest, "etc/app/d"))
			require.Equal(t, "yy", read(t, dest, "etc/app/new/y"))
			require.NoFileExists(t, filepath.Join(dest, "etc/other"))

			r.Overwrite, r.Delete = true, true
			report, changes = restoreTo(t, r)
			require.Equal(t, rsync.OK, report.State, report.Message)
			require.Equal(t, []string{"deleted /etc/app/extra", "overwritten /etc/app", "overwritten /etc/app/a", "overwritten /etc/app/d"}, changes[:4])
			require.EqualValues(t, 1, report.Counts.Deleted)
			same(t, filepath.Join(source, "etc/app"), filepath.Join(dest, "etc/app"))
			require.Equal(t, os.FileMode(0o711), mode(t, dest, "etc"), "what is above stays as it is")
			require.FileExists(t, filepath.Join(dest, "etc/keep"), "nothing is deleted but in what was asked for")
		})
	}
}

// A link at the target leads nowhere.
func TestRestoreGoesThroughNoLinkAtTheTarget(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	for _, remote := range []bool{false, true} {
		source, dest, outside := t.TempDir(), plainDir(t), t.TempDir()
		write(t, source, map[string]string{"var/www/x": "x", "var/www/sub/y": "y", "var/z": "z"})
		write(t, outside, map[string]string{"sub/theirs": "t"})
		write(t, dest, map[string]string{"var/": ""})
		require.NoError(t, os.Symlink(outside, filepath.Join(dest, "var/www")))
		r := rsync.Restore{Source: source, Dest: dest, Paths: []string{"/var"}, Delete: true}
		if remote {
			r.Session = server.Session()
		}
		before := listing(t, outside)
		report, changes := restoreTo(t, r)
		require.Equal(t, rsync.Warning, report.State, report.Message)
		require.Contains(t, changes, "kept /var/www")
		require.Contains(t, changes, "kept /var/www/sub/y")
		require.Equal(t, before, listing(t, outside))
		require.Equal(t, "z", read(t, dest, "var/z"))

		for _, overwrite := range []bool{false, true} {
			r.Paths, r.Overwrite, r.WorkDir = []string{"/var/www/sub"}, overwrite, t.TempDir()
			_, err := rsync.RunRestore(t.Context(), r, rsync.RunOptions{})
			var inTheWay *rsync.InTheWayError
			require.ErrorAs(t, err, &inTheWay)
			require.Equal(t, "/var/www", inTheWay.Path)
			require.Equal(t, before, listing(t, outside))
		}
		// Asked for by its own name, it may be replaced.
		r.Paths, r.Overwrite, r.WorkDir = []string{"/var/www"}, true, ""
		report, _ = restoreTo(t, r)
		require.Equal(t, rsync.OK, report.State, report.Message)
		same(t, filepath.Join(source, "var/www"), filepath.Join(dest, "var/www"))
		require.Equal(t, before, listing(t, outside))
	}
}

// A restore that was broken off goes on: what it had restored is its own, no
// half file is left, and hard links are links all the same.
func TestRestoreGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{true, false} {
		source, dest := t.TempDir(), t.TempDir()
		write(t, source, map[string]string{"a/first": "1", "z/last": "2", "there": "old"})
		require.NoError(t, os.Link(filepath.Join(source, "a/first"), filepath.Join(source, "z/link")))
		bigFile(t, source, "m/big")
		if !fresh {
			write(t, dest, map[string]string{"there": "mine"})
		}
		require.NoError(t, os.Chtimes(filepath.Join(source, "z/last"), time.Time{}, time.Now().AddDate(0, 0, -1)))
		r := rsync.Restore{Source: source, Dest: dest, Paths: []string{"/"}, WorkDir: filepath.Join(t.TempDir(), "run-1")}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Lstat(filepath.Join(dest, "a/first")); err == nil {
					cancel()
				}
			}
		}()
		_, err := rsync.RunRestore(ctx, r, rsync.RunOptions{})
		require.ErrorIs(t, err, context.Canceled)
		entries, err := os.ReadDir(dest)
		require.NoError(t, err)
		for _, e := range entries {
			require.False(t, strings.HasPrefix(e.Name(), "."), e.Name())
		}
		// As a kill would have left it.
		write(t, dest, map[string]string{rsync.TempPrefix + "run-1/.big.x": "half"})
		write(t, dest, map[string]string{"z/last": "made by somebody meanwhile"})
		report, _ := restoreTo(t, r)
		require.Equal(t, rsync.Warning, report.State, report.Message)
		if fresh {
			require.Contains(t, report.Message, "1 entry was there already")
		} else {
			require.Contains(t, report.Message, "2 entries were there already")
			require.Equal(t, "mine", read(t, dest, "there"))
		}
		require.Equal(t, "made by somebody meanwhile", read(t, dest, "z/last"))
		require.NoDirExists(t, filepath.Join(dest, rsync.TempPrefix+"run-1"))
		a, err := os.Stat(filepath.Join(dest, "a/first"))
		require.NoError(t, err)
		b, err := os.Stat(filepath.Join(dest, "z/link"))
		require.NoError(t, err)
		require.True(t, os.SameFile(a, b))
		require.NoError(t, exec.Command("cmp", filepath.Join(source, "m/big"), filepath.Join(dest, "m/big")).Run())
	}
}

func TestRestoreOfAHugeSparseFileTakesNoRoom(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(source, "sparse"))
	require.NoError(t, err)
	require.NoError(t, f.Truncate(256<<20))
	_, err = f.WriteAt([]byte("end"), 200<<20)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	report, _ := restoreTo(t, rsync.Restore{Source: source, Dest: dest, Paths: []string{"/"}})
	require.Equal(t, rsync.OK, report.State, report.Message)
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(filepath.Join(dest, "sparse"), &st))
	require.EqualValues(t, 256<<20, st.Size)
	require.Less(t, st.Blocks*512, int64(1<<20))
}

// What cannot be given to a file by one who is not root is left out, and the
// files are there.
// The receiving rsync must not take the name of a target for a pattern, which
// other directories fit.
func TestRestoreToANameThatIsAPattern(t *testing.T) {
	t.Parallel()
	source, parent := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"etc/a": "restored"})
	for name, other := range map[string]string{"to[1]": "to1", "all*": "all-mine", "a b?$x\\": "a bc$x"} {
		write(t, parent, map[string]string{other + "/etc/a": "mine"})
		r := rsync.Restore{Source: source, Paths: []string{"/etc"}, Dest: filepath.Join(parent, name), Overwrite: true}
		dry := r
		dry.DryRun = true
		report, changes := restoreTo(t, dry)
		require.Equal(t, rsync.OK, report.State, report.Message)
		require.Equal(t, []string{"new /etc", "new /etc/a"}, changes, name)
		require.NoDirExists(t, r.Dest)

		report, _ = restoreTo(t, r)
		require.Equal(t, rsync.OK, report.State, report.Message)
		require.Equal(t, "restored", read(t, parent, name+"/etc/a"))
		require.Equal(t, "mine", read(t, parent, other+"/etc/a"))
	}
}

// That a snapshot does not have what backups leave out is no reason to delete it.
func TestRestoreDeletesNothingThatBackupsLeaveOut(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	for _, remote := range []bool{false, true} {
		source, dest := t.TempDir(), plainDir(t)
		write(t, source, map[string]string{"var/www/a": "a", "var/lib/db": "d"})
		write(t, dest, map[string]string{
			"var/www/a": "a", "var/www/new": "n", "var/www/x.tmp": "t", "var/lib/docker/image": "i", "var/lib/db": "d", "var/lib/gone": "g",
			"var/spool/mail": "m",
		})
		r := rsync.Restore{
			Source: source, Dest: dest, Paths: []string{"/var"}, Delete: true,
			Includes: []string{"/var/www", "/var/lib"}, Excludes: []string{"*.tmp", "/var/lib/docker"},
		}
		if remote {
			r.Session = server.Session()
		}
		for _, r.DryRun = range []bool{true, false} {
			report, changes := restoreTo(t, r)
			var deleted []string
			for _, c := range changes {
				if strings.HasPrefix(c, "deleted ") {
					deleted = append(deleted, c)
				}
			}
			require.Equal(t, []string{"deleted /var/lib/gone", "deleted /var/www/new"}, deleted)
			require.EqualValues(t, 2, report.Counts.Deleted)
		}
		for _, name := range []string{"var/www/a", "var/www/x.tmp", "var/lib/docker/image", "var/lib/db", "var/spool/mail"} {
			require.FileExists(t, filepath.Join(dest, name))
		}
		for _, name := range []string{"var/www/new", "var/lib/gone"} {
			require.NoFileExists(t, filepath.Join(dest, name))
		}
	}
}

// Programs that the host has as root's are for the owner of the target alone.
func TestRestoreLeavesTheTargetItselfAsItIs(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), filepath.Join(t.TempDir(), "to")
	write(t, source, map[string]string{"etc/a": "a", "#b": "b", ";c": "c"})
	require.NoError(t, os.Chmod(source, 0o755))
	report, _ := restoreTo(t, rsync.Restore{Source: source, Paths: []string{"/etc/a", "/#b", "/;c"}, Dest: dest})
	require.Equal(t, rsync.OK, report.State, report.Message)
	require.FileExists(t, filepath.Join(dest, "etc/a"))
	require.FileExists(t, filepath.Join(dest, "#b"))
	require.FileExists(t, filepath.Join(dest, ";c"))
	info, err := os.Stat(dest)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestRestoreAsSelf(t *testing.T) {
	t.Parallel()
	host, dest := t.TempDir(), t.TempDir()
	everyKind(t, host)
	report, _ := restoreTo(t, rsync.Restore{Source: asStored(t, host), FakeSuper: true, ACLs: true, Xattrs: true, AsSelf: true, Dest: dest, Paths: []string{"/"}})
	require.Equal(t, rsync.OK, report.State, report.Message)
	var st syscall.Stat_t
	require.NoError(t, syscall.Lstat(filepath.Join(dest, "etc/app"), &st))
	require.EqualValues(t, os.Getuid(), st.Uid)
	require.Equal(t, "conf", read(t, dest, "etc/app/conf"))
	require.NoFileExists(t, filepath.Join(dest, "null"))
}

// plainDir is a directory whose name needs no quoting.
func plainDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "planb-restore-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// listing gives what lstat and the content say of each file in a tree.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		text := info.Mode().String() + " " + info.ModTime().String()
		if info.Mode().IsRegular() {
			text += " " + read(t, dir, rel)
		}
		out[rel] = text
		return nil
	}))
	return out
}

func mode(t testing.TB, dir, name string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(filepath.Join(dir, name))
	require.NoError(t, err)
	return info.Mode().Perm()
}

// What somebody makes at the target after the plan was made is left alone, too.
func TestRestoreLeavesWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	for _, remote := range []bool{false, true} {
		source, dest := t.TempDir(), plainDir(t)
		write(t, source, map[string]string{"a/x": "x", "b": "from the snapshot"})
		require.NoError(t, os.Symlink("nowhere", filepath.Join(dest, "a")))
		r := rsync.Restore{Source: source, Dest: dest, Paths: []string{"/"}, WorkDir: filepath.Join(t.TempDir(), "run")}
		if remote {
			r.Session = server.Session()
		}
		r.OnChange = func(c rsync.Change) {
			// Told last of all that is planned.
			require.Equal(t, rsync.ActionKept, c.Action)
			write(t, dest, map[string]string{"b": "made meanwhile"})
		}
		_, err := rsync.RunRestore(t.Context(), r, rsync.RunOptions{})
		require.NoError(t, err)
		require.Equal(t, "made meanwhile", read(t, dest, "b"))
	}
}
