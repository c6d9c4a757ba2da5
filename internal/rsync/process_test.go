package rsync

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What an rsync reads counts as activity though it says nothing; what another
// program of the group reads does not.
func TestGroupActivity(t *testing.T) {
	t.Parallel()
	cat, err := exec.LookPath("cat")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), make([]byte, 1<<20), 0o600))
	activity := func(name string) int64 {
		program := filepath.Join(dir, name)
		require.NoError(t, os.Symlink(cat, program))
		cmd := exec.Command(program, filepath.Join(dir, "file"), "-")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = io.ReadFull(out, make([]byte, 1<<20))
		require.NoError(t, err)
		sum := groupActivity(cmd.Process.Pid)
		require.Len(t, groupMembers(cmd.Process.Pid), 1)
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
		require.Empty(t, groupMembers(cmd.Process.Pid))
		return sum
	}
	require.GreaterOrEqual(t, activity("rsync"), int64(2<<20))
	require.Zero(t, activity("ssh"))
}

func TestEndGroup(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "trap '' TERM; sleep 60 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return len(groupMembers(cmd.Process.Pid)) == 2 }, 5*time.Second, 5*time.Millisecond)
	require.True(t, endGroup(cmd.Process.Pid))
	require.NoError(t, waitGroup(cmd.Process.Pid))
	require.Error(t, cmd.Wait())
	require.False(t, endGroup(cmd.Process.Pid))
}
