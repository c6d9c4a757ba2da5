package zfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// EnsureMounted mounts the dataset if it is not, and gives its mountpoint, an
// absolute path. It looks at the directory too: a backup written beneath a
// mountpoint with nothing mounted on it would fill the server's own disk.
func (c *Client) EnsureMounted(ctx context.Context, name string) (string, error) {
	d, err := c.Dataset(ctx, name)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(d.Mountpoint) {
		return "", fmt.Errorf("dataset %s has mountpoint %q: give it a directory with zfs set mountpoint=/DIR %s", name, d.Mountpoint, name)
	}
	if !d.Mounted {
		if err := c.mount(ctx, name); err != nil {
			return "", err
		}
	}
	return d.Mountpoint, checkMountpoint(name, d.Mountpoint)
}

// checkMountpoint makes sure that a filesystem of its own is mounted at dir.
func checkMountpoint(name, dir string) error {
	st, err := os.Stat(dir)
	if errors.Is(err, syscall.ENOTCONN) {
		return fmt.Errorf("the zfs-fuse that mounted %s at %s has ended: run umount -l %s, then zfs mount -a (%w)", name, dir, dir, err)
	}
	if err != nil {
		return fmt.Errorf("look at the mountpoint of %s: %w", name, err)
	}
	up, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("look above the mountpoint of %s: %w", name, err)
	}
	if st.Sys().(*syscall.Stat_t).Dev == up.Sys().(*syscall.Stat_t).Dev {
		return fmt.Errorf("nothing is mounted at %s although zfs says that %s is: run zfs unmount %s, then zfs mount %s", dir, name, name, name)
	}
	return nil
}

func (c *Client) mount(ctx context.Context, name string) error {
	_, err := c.zfs(ctx, "mount", name)
	if errors.Is(err, errMounted) {
		return nil
	}
	return about(name, err)
}

func (c *Client) unmount(ctx context.Context, name string) error {
	_, err := c.zfs(ctx, "unmount", name)
	if errors.Is(err, errNotMounted) {
		return nil
	}
	return about(name, err)
}

// own makes the top directory of a fresh filesystem ours. Through sudo, ZFS
// leaves it to root, and PlanB could not write into it.
func (c *Client) own(ctx context.Context, dir string) error {
	uid, gid := os.Geteuid(), os.Getegid()
	if !c.sudo || uid == 0 {
		return nil
	}
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at a new dataset: %w", err)
	}
	if int(st.Sys().(*syscall.Stat_t).Uid) == uid {
		return nil
	}
	_, err = c.run(ctx, program("chown"), []string{strconv.Itoa(uid) + ":" + strconv.Itoa(gid), dir})
	return err
}
