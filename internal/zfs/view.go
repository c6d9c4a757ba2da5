package zfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// viewPrefix begins the last part of the name of every clone made for a view.
const viewPrefix = "planb-view-"

// viewEnd bounds the destroying of a view's clone, which goes on when the
// reader's context is over.
const viewEnd = 30 * time.Second

// View is a directory from which one snapshot can be read, until Close.
type View struct {
	path  string
	close func() error
}

// Path is the top directory of the snapshot's tree, read-only.
func (v *View) Path() string { return v.path }

// Close ends this use of the view; calling it again does nothing.
func (v *View) Close() error { return v.close() }

// sharedView is a clone that all readers of one snapshot share.
type sharedView struct {
	dataset, snap string
	clone, path   string

	refs int         // readers, and those waiting to be; guarded by Client.viewMu
	idle *time.Timer // destroys the clone later; guarded by Client.viewMu

	mu    sync.Mutex // held while the clone is made or destroyed
	ready bool       // the clone is mounted at path; guarded by mu
}

// OpenSnapshot makes a snapshot readable: through .zfs/snapshot where that is
// there, else through a read-only clone beneath the storage's dataset, mounted
// in Options.ViewDir and shared by all readers of the snapshot. While a view is
// open, destroying the snapshot can fail with ErrBusy. Errors: ErrNotExist.
func (c *Client) OpenSnapshot(ctx context.Context, dataset, snap string) (*View, error) {
	if _, err := c.Snapshot(ctx, dataset, snap); err != nil {
		return nil, err
	}
	dir, err := c.EnsureMounted(ctx, dataset)
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(filepath.Join(dir, ".zfs", "snapshot")); err == nil && st.IsDir() {
		dir = filepath.Join(dir, ".zfs", "snapshot", snap)
		// The first look at what is in it makes OpenZFS mount it.
		if _, err := os.ReadDir(dir); err != nil {
			return nil, fmt.Errorf("open snapshot %s@%s: %w", dataset, snap, err)
		}
		return &View{path: dir, close: func() error { return nil }}, nil
	}
	v, err := c.openClone(ctx, dataset, snap)
	if err != nil {
		return nil, err
	}
	return &View{path: v.path, close: sync.OnceValue(func() error { return c.closeClone(v) })}, nil
}

func (c *Client) openClone(ctx context.Context, dataset, snap string) (*sharedView, error) {
	full := dataset + "@" + snap
	c.viewMu.Lock()
	v := c.views[full]
	if v == nil {
		sum := sha256.Sum256([]byte(full))
		base := viewPrefix + hex.EncodeToString(sum[:8]) + "-" + c.instance
		v = &sharedView{
			dataset: dataset, snap: snap,
			clone: viewParent(dataset) + "/" + base, path: filepath.Join(c.viewDir, base),
		}
		c.views[full] = v
	}
	v.refs++
	if v.idle != nil {
		v.idle.Stop()
		v.idle = nil
	}
	c.viewMu.Unlock()

	v.mu.Lock()
	err := c.showClone(ctx, v)
	v.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, c.closeClone(v))
	}
	return v, nil
}

// viewParent is where clones of a dataset's snapshots go: the storage's dataset
// for parent/group/name, so that the right to make them there is enough.
func viewParent(dataset string) string {
	if up := parentOf(parentOf(dataset)); up != "" {
		return up
	}
	return poolOf(dataset)
}

// showClone makes and mounts the clone, or what is missing of it. v.mu is held.
func (c *Client) showClone(ctx context.Context, v *sharedView) error {
	if v.ready && checkMountpoint(v.clone, v.path) == nil {
		return nil
	}
	if err := os.MkdirAll(v.path, 0o700); err != nil {
		return fmt.Errorf("make a directory to show a snapshot in: %w", err)
	}
	args := append([]string{"clone"}, propArgs(map[string]string{
		PropView: v.dataset + "@" + v.snap, "mountpoint": v.path, "readonly": "on",
		// Not mounted again by a reboot; what a backed-up host calls a program
		// or a device is none here.
		"canmount": "noauto", "exec": "off", "setuid": "off", "devices": "off",
	})...)
	if _, err := c.zfs(ctx, append(args, v.dataset+"@"+v.snap, v.clone)...); err != nil && !errors.Is(err, ErrExists) {
		return about(v.dataset+"@"+v.snap, err)
	}
	v.ready = true // from here on there is something to destroy
	if err := c.mount(ctx, v.clone); err != nil {
		return err
	}
	return checkMountpoint(v.clone, v.path)
}

// closeClone gives back one reference, and lets go of the clone with the last.
func (c *Client) closeClone(v *sharedView) error {
	c.viewMu.Lock()
	v.refs--
	last := v.refs == 0
	if last && c.viewIdle > 0 {
		v.idle = time.AfterFunc(c.viewIdle, func() {
			if err := c.reap(v); err != nil {
				c.log.Warn("a view of a snapshot could not be destroyed", "snapshot", v.dataset+"@"+v.snap, "error", err)
			}
		})
		last = false
	}
	c.viewMu.Unlock()
	if !last {
		return nil
	}
	return c.reap(v)
}

// reap destroys the clone unless somebody reads it again.
func (c *Client) reap(v *sharedView) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	c.viewMu.Lock()
	used := v.refs > 0
	c.viewMu.Unlock()
	if used {
		return nil
	}
	if v.ready {
		ctx, cancel := context.WithTimeout(context.Background(), viewEnd)
		defer cancel()
		if err := c.destroyClone(ctx, v.clone, v.path); err != nil {
			return err
		}
		v.ready = false
	}
	// Whoever came meanwhile has counted itself and waits for v.mu.
	c.viewMu.Lock()
	defer c.viewMu.Unlock()
	if v.refs == 0 {
		delete(c.views, v.dataset+"@"+v.snap)
	}
	return nil
}

func (c *Client) destroyClone(ctx context.Context, clone, path string) error {
	err := c.settled(ctx, func() error {
		err := c.unmount(ctx, clone)
		if err == nil {
			_, err = c.zfs(ctx, "destroy", clone)
		}
		return about(clone, err)
	})
	if err != nil && !errors.Is(err, ErrNotExist) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the directory of a view: %w", err)
	}
	return nil
}

// dropIdleView destroys the clone of a snapshot that nobody reads any more, so
// that the snapshot can be destroyed; of all the dataset's when snap is empty.
func (c *Client) dropIdleView(ctx context.Context, dataset, snap string) {
	c.viewMu.Lock()
	var idle []*sharedView
	for _, v := range c.views {
		if v.dataset == dataset && (snap == "" || v.snap == snap) && v.refs == 0 {
			idle = append(idle, v)
		}
	}
	c.viewMu.Unlock()
	for _, v := range idle {
		if err := c.reap(v); err != nil {
			c.log.WarnContext(ctx, "a view of a snapshot could not be destroyed", "snapshot", dataset+"@"+v.snap, "error", err)
		}
	}
}

// Close destroys the views that nobody reads any more, without waiting for
// their idle time. The Client stays usable.
func (c *Client) Close() error {
	c.viewMu.Lock()
	var idle []*sharedView
	for _, v := range c.views {
		if v.refs == 0 {
			idle = append(idle, v)
		}
	}
	c.viewMu.Unlock()
	var errs []error
	for _, v := range idle {
		errs = append(errs, c.reap(v))
	}
	return errors.Join(errs...)
}

// isView says whether d was made by OpenSnapshot, of this Client or another. A
// name alone does not make it one, nor does the property alone.
func isView(d Dataset) bool {
	base := d.Name[strings.LastIndexByte(d.Name, '/')+1:]
	return strings.HasPrefix(base, viewPrefix) && d.Props[PropView] != "" && d.Origin != ""
}

// CleanViews destroys the clones that views left behind beneath parent when
// their program was killed. One that is still read stays. It is for the start
// of a program that owns parent: it would also take the views that another
// running Client keeps but does not read at this moment.
func (c *Client) CleanViews(ctx context.Context, parent string) error {
	all, err := c.beneath(ctx, parent)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range all {
		if !isView(d) || strings.HasSuffix(d.Name, "-"+c.instance) {
			continue
		}
		err := c.unmount(ctx, d.Name)
		if errors.Is(err, ErrBusy) {
			continue
		}
		if err == nil {
			err = c.destroyClone(ctx, d.Name, d.Mountpoint)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
