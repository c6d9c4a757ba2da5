package zfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/command"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stderr string
		kind   error
		name   string
	}{
		{"cannot open 'tank/x': dataset does not exist\n", ErrNotExist, "tank/x"},
		{"cannot open 'tank': no such pool\n", ErrNotExist, "tank"},
		{"cannot create 'gone/a': no such pool 'gone'\n", ErrNotExist, "gone"},
		{"cannot create 'tank/a/b/c': parent does not exist\n", ErrNotExist, "tank/a/b"},
		{"could not find any snapshots to destroy; check snapshot names.\n", ErrNotExist, ""},
		{"cannot create 'tank/a': dataset already exists\n", ErrExists, "tank/a"},
		{"cannot create snapshot 'tank/a@s': dataset already exists\n", ErrExists, "tank/a@s"},
		{"cannot destroy 'tank/a@s': dataset is busy\n", ErrBusy, "tank/a@s"},
		{"cannot destroy snapshot tank/a@s: dataset is busy\n", ErrBusy, "tank/a@s"},
		{"cannot destroy snapshot tank/a@s: snapshot is cloned\nno snapshots destroyed\n", ErrBusy, "tank/a@s"},
		{"cannot destroy 'tank/a@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/v\n", ErrBusy, "tank/a@s"},
		{"cannot destroy 'tank/a': filesystem has children\nuse '-r' to destroy the following datasets:\ntank/a@s\n", ErrBusy, "tank/a"},
		{"cannot unmount '/tank/a': pool or dataset is busy\n", ErrBusy, "/tank/a"},
		{"umount: /x: target is busy.\ncannot unmount '/x': umount failed: umount child process failed\n", ErrBusy, ""},
		{"cannot create 'tank/a': out of space\n", ErrNoSpace, "tank/a"},
		{"cannot create snapshot 'tank/a@s': out of space\n", ErrNoSpace, "tank/a@s"},
		{"cannot create 'tank/a': permission denied\n", ErrPermission, "tank/a"},
		{"connect: Permission denied\ninternal error: failed to initialize ZFS library\n", ErrPermission, ""},
		{"sudo: a password is required\n", ErrPermission, ""},
		{"Sorry, user planb is not allowed to execute '/usr/sbin/zfs list' as root on web1.\n", ErrPermission, "/usr/sbin/zfs list"},
		{"connect: No such file or directory\nPlease make sure that the zfs-fuse daemon is running.\ninternal error: failed to initialize ZFS library\n", ErrNotRunning, ""},
		{"The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n", ErrNotRunning, ""},
		{"The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n", ErrNotRunning, ""},
		{"/dev/zfs and /proc/self/mounts are required.\n", ErrNotRunning, ""},
		{"sudo: /usr/sbin/zfs: command not found\n", ErrNotRunning, ""},
		{"cannot hold 'tank/a@s': tag already exists on this dataset\n", errTagThere, "tank/a@s"},
		{"cannot hold snapshot 'tank/a@s': tag already exists on this dataset\n", errTagThere, "tank/a@s"},
		{"cannot release 'planb' from 'tank/a@s': no such tag on this dataset\n", errTagMissing, "tank/a@s"},
		{"cannot release hold from snapshot 'tank/a@s': no such tag on this dataset\n", errTagMissing, "tank/a@s"},
		{"cannot mount 'tank/a': filesystem already mounted\n", errMounted, "tank/a"},
		{"cannot unmount 'tank/a': not currently mounted\n", errNotMounted, "tank/a"},
		{"bad property list: invalid property 'written'\nusage:\n\tget …\n", errBadProperty, "written"},
		{"invalid option 'p'\nusage:\n", errBadOption, "p"},
		{"cannot open 'tank/a@s1,s2': invalid dataset name\n", errBadName, "tank/a@s1,s2"},
		{"internal error: something new\n", nil, ""},
	} {
		cmd := &command.Error{Argv: []string{"zfs"}, Code: 1, Stderr: c.stderr, Err: errors.New("exit status 1")}
		err := classify(cmd)
		var e *Error
		require.ErrorAs(t, err, &e, c.stderr)
		require.Equal(t, c.kind, e.Kind, c.stderr)
		require.Equal(t, c.name, e.Name, c.stderr)
		var raw *command.Error
		require.ErrorAs(t, err, &raw)
		require.Same(t, cmd, raw)
		require.NotContains(t, err.Error(), "\n")
		if c.kind == nil {
			require.ErrorContains(t, err, "something new")
		} else {
			require.ErrorIs(t, err, c.kind)
		}
	}
}

func TestErrorsAreSentences(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*Error{
		"ZFS pool tank is not there: import or create it, or correct its name":       {Kind: ErrNotExist, Name: "tank"},
		"dataset tank/a does not exist":                                              {Kind: ErrNotExist, Name: "tank/a"},
		"snapshot tank/a@s does not exist":                                           {Kind: ErrNotExist, Name: "tank/a@s"},
		"dataset tank/a has no space left":                                           {Kind: ErrNoSpace, Name: "tank/a"},
		"zfs is not running: start zfs-fuse or load the zfs module":                  {Kind: ErrNotRunning, Message: "connect: refused"},
		"dataset tank/a is in use: it has the child tank/a/b":                        {Kind: ErrBusy, Name: "tank/a", Message: "it has the child tank/a/b"},
		"zfs: permission denied: run as root, allow it with sudo, or with zfs allow": {Kind: ErrPermission, Message: "permission denied"},
		"zfs: something that has no kind":                                            {Message: "something that has no kind"},
	} {
		require.EqualError(t, e, want)
	}
}

// script makes a Client whose zfs is a shell script: for what an OpenZFS does
// where the tests' own ZFS cannot.
func script(t *testing.T, text string) *Client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zfs")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755))
	c := New(Options{})
	c.zfsPath = file
	return c
}

func TestNotInstalled(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	c.zfsPath = "/nowhere/zfs"
	for _, args := range [][]string{{"list"}, {"mount", "x"}} {
		_, err := c.zfs(t.Context(), args...)
		require.ErrorIs(t, err, ErrNotRunning)
	}
	c.zfsPath = "no-zfs-in-path"
	_, err := c.zfs(t.Context(), "list")
	require.ErrorContains(t, err, "zfs is not installed")
}

// OpenZFS destroys several snapshots in one call, all or none; when one of them
// is held, the others must still go.
func TestMultiDestroy(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	c := script(t, `
echo "$*" >>`+log+`
case "$*" in
get*) printf 'tank/a\ttype\tfilesystem\t-\n' ;;
*probe*) echo "could not find any snapshots to destroy; check snapshot names." >&2; exit 1 ;;
"destroy tank/a@a,b,c") echo "cannot destroy snapshot tank/a@b: dataset is busy" >&2; exit 1 ;;
"destroy tank/a@b") echo "cannot destroy snapshot tank/a@b: dataset is busy" >&2; exit 1 ;;
esac`)
	destroyed, err := c.DestroySnapshots(t.Context(), "tank/a", []string{"c", "a", "b"})
	require.ErrorIs(t, err, ErrBusy)
	require.EqualError(t, err, "snapshot tank/a@b is in use: cannot destroy snapshot tank/a@b: dataset is busy")
	require.Equal(t, []string{"a", "c"}, destroyed)

	require.NoError(t, os.Remove(log))
	destroyed, err = c.DestroySnapshots(t.Context(), "tank/a", []string{"x", "y"})
	require.NoError(t, err)
	require.Equal(t, []string{"x", "y"}, destroyed)
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(b), "destroy tank/a@x,y\n")
	require.NotContains(t, string(b), "destroy tank/a@x\n")
}

func TestUnknownPropertiesAreAskedOnce(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	c := script(t, `
echo "$*" >>`+log+`
case "$*" in
*written*) echo "bad property list: invalid property 'written'" >&2; exit 2 ;;
esac
printf 'tank/a\ttype\tfilesystem\t-\n'`)
	for range 2 {
		d, err := c.Dataset(t.Context(), "tank/a")
		require.NoError(t, err)
		require.EqualValues(t, -1, d.Written)
	}
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(b), "\n"))
}
