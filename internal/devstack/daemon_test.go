package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/command"
)

// The machine's zfs-fuse serves others, so one that is killed has to be started
// for it: in a mount namespace where the places that it is found by are empty.
func TestPoolComesBackAfterItsDaemonDied(t *testing.T) {
	t.Parallel()
	if findTool("zfs-fuse") == "" {
		t.Skip("ZFS is in the kernel here: it has no daemon that could die")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	const private = `mount -t tmpfs tmpfs /run && mkdir -p /run/zfs /run/lock/zfs /var/lib/zfs &&
		mount -t tmpfs tmpfs /var/lib/zfs && exec "$@"`
	out, err := command.Output(t.Context(), "unshare", "--mount", "--propagation", "private",
		"sh", "-c", private, "sh", exe, "lose-daemon", state(t))
	require.NoError(t, err, string(out))
}

// loseDaemon runs in the namespace.
func loseDaemon(dir string) error {
	ctx := context.Background()
	z := NewZFS(dir)
	z.Size = 128 << 20
	defer func() { _ = readIdentity(daemonNote()).signal(syscall.SIGKILL) }()
	if err := z.Start(ctx); err != nil {
		return err
	}
	file := filepath.Join(z.Mountpoint(), "BACKUP", "file")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	first := readIdentity(daemonNote())
	if first.PID != z.PID() {
		return fmt.Errorf("the daemon is process %d, noted is %d", z.PID(), first.PID)
	}
	if err := first.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-z.Done()
	if err := z.Start(ctx); err != nil {
		return fmt.Errorf("start after the daemon died: %w", err)
	}
	if _, err := os.ReadFile(file); err != nil {
		return err
	}
	if err := z.Stop(ctx); err != nil {
		return err
	}
	stopped, err := StopZFSDaemon(ctx)
	if err == nil && !stopped {
		err = errors.New("the daemon was not stopped, though nobody needs it")
	}
	return err
}
