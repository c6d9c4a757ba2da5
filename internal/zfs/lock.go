package zfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// mountPatience is how long LockMounts waits for others before it goes on
// without the lock: any local user can hold it, and must not stop a backup.
const mountPatience = time.Minute

// LockMounts makes the caller the only one on this machine, of those that ask,
// who mounts ZFS filesystems, until unlock. Two mounts at once can bring
// zfs-fuse to a halt for good: it hands each to its listener with two writes to
// one pipe, and when those of two mounts mix it reads a length that never comes
// (fuse_listener.c, zfsfuse_newfs). The Client takes the lock itself; it is
// exported for those who run zpool create or import.
//
// The lock is a flock on the zfs program: a file that is there for root and
// for others alike, and that nobody needs to create.
func (c *Client) LockMounts(ctx context.Context) (unlock func(), err error) {
	f, err := os.Open(c.zfsPath)
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil // the call that follows will say what is wrong
	}
	if err != nil {
		return nil, fmt.Errorf("lock the mounting of ZFS filesystems: %w", err)
	}
	deadline := time.Now().Add(mountPatience)
	for delay := time.Millisecond; ; delay = min(2*delay, 50*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", c.zfsPath, err), f.Close())
		}
		if time.Now().After(deadline) {
			c.log.WarnContext(ctx, "somebody has held the lock for ZFS mounts for long, going on without", "file", c.zfsPath, "waited", mountPatience)
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(delay):
		}
	}
}

// mounts says whether a zfs call mounts, or may put back a mount when it fails.
// Setting a property of ZFS's own can be a new mountpoint.
func mounts(args []string) bool {
	switch args[0] {
	case "create", "clone", "mount", "rename":
		return true
	case "destroy":
		return !strings.Contains(args[len(args)-1], "@")
	case "set", "inherit":
		return !strings.HasPrefix(args[1], "planb:")
	}
	return false
}
