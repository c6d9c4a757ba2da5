package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// destroyBatch is how many snapshots go in one call: names have at most 255
// bytes, and a single argument at most 128 KiB (MAX_ARG_STRLEN).
const destroyBatch = 200

// DestroySnapshots destroys the named snapshots of a dataset and gives the
// names of those that are gone; one that was not there counts as gone. One that
// is held, cloned or being read stays, does not stop the others, and is an
// *Error of kind ErrBusy within err. It can destroy nothing but snapshots.
// Errors also: ErrNotExist when the dataset is not there.
func (c *Client) DestroySnapshots(ctx context.Context, dataset string, names []string) (destroyed []string, err error) {
	for _, name := range names {
		if err := checkSnapshot(dataset, name); err != nil {
			return nil, err
		}
	}
	// A dataset that cannot be seen is no proof that its snapshots are gone.
	if _, err := c.Dataset(ctx, dataset); err != nil {
		return nil, err
	}
	multi := false
	if len(names) > 1 {
		able, err := c.commandAbilities(ctx, dataset)
		if err != nil {
			return nil, err
		}
		multi = able.multiDestroy
	}
	var failed []error
	for batch := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(names))), destroyBatch) {
		for _, name := range batch {
			c.dropIdleView(ctx, dataset, name)
		}
		// All or nothing: when one of them is busy, the call destroys none.
		if multi && len(batch) > 1 && c.destroySnapshot(ctx, dataset, strings.Join(batch, ",")) == nil {
			destroyed = append(destroyed, batch...)
			continue
		}
		for _, name := range batch {
			if err := c.destroySnapshot(ctx, dataset, name); err != nil {
				failed = append(failed, err)
				continue
			}
			destroyed = append(destroyed, name)
		}
	}
	return destroyed, errors.Join(failed...)
}

// destroySnapshot destroys dataset@spec, checked by the caller. The '@' makes
// sure that it is never a dataset.
func (c *Client) destroySnapshot(ctx context.Context, dataset, spec string) error {
	full := dataset + "@" + spec
	_, err := c.zfs(ctx, "destroy", full)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return about(full, err)
}

// DestroyDataset destroys a dataset and its snapshots; one that is not there is
// a success. It refuses, before anything is gone, a pool, a dataset with
// children, and one with a snapshot that is held or cloned: ErrBusy.
func (c *Client) DestroyDataset(ctx context.Context, name string) error {
	if err := checkDataset(name); err != nil {
		return err
	}
	if parentOf(name) == "" {
		return fmt.Errorf("%s is a pool: PlanB never destroys a pool", name)
	}
	children, err := c.tree(ctx, name)
	if errors.Is(err, ErrNotExist) {
		// A pool that is not imported has lost nothing.
		_, err := c.Pool(ctx, poolOf(name))
		return err
	}
	if err != nil {
		return err
	}
	if len(children) > 1 {
		return &Error{Kind: ErrBusy, Name: name, Message: "it has the child " + children[1]}
	}
	snaps, err := c.Snapshots(ctx, name)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(snaps))
	for _, s := range snaps {
		if s.Holds > 0 {
			return &Error{Kind: ErrBusy, Name: name, Message: "its snapshot " + s.Name + " is held: release it first"}
		}
		names = append(names, s.Name)
	}
	if clone, err := c.cloneOf(ctx, name); err != nil {
		return err
	} else if clone != "" {
		return &Error{Kind: ErrBusy, Name: name, Message: clone + " is a clone of one of its snapshots"}
	}
	// In use shows here, while all is still there.
	if err := c.unmount(ctx, name); err != nil {
		return err
	}
	if _, err := c.DestroySnapshots(ctx, name, names); err != nil {
		return errors.Join(err, c.mount(ctx, name))
	}
	c.forget(name)
	return c.settled(ctx, func() error {
		_, err := c.zfs(ctx, "destroy", name)
		if errors.Is(err, ErrNotExist) {
			return nil
		}
		return about(name, err)
	})
}

// cloneOf names a clone of one of the dataset's snapshots; idle views of ours
// are destroyed instead.
func (c *Client) cloneOf(ctx context.Context, dataset string) (string, error) {
	c.dropIdleView(ctx, dataset, "")
	all, err := c.beneath(ctx, poolOf(dataset))
	if err != nil {
		return "", err
	}
	for _, d := range all {
		if strings.HasPrefix(d.Origin, dataset+"@") {
			return d.Name, nil
		}
	}
	return "", nil
}
