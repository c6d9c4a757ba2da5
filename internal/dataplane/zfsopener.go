package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"planb/internal/zfs"
)

// ZFS is the Opener over the real pools.
type ZFS struct{ Client *zfs.Client }

// OpenSnapshot opens a snapshot's view, or with an empty snap the mounted
// dataset itself.
func (z ZFS) OpenSnapshot(ctx context.Context, dataset, snap string) (View, error) {
	if snap == "" {
		path, err := z.Client.EnsureMounted(ctx, dataset)
		if err != nil {
			return nil, known(err)
		}
		return mounted(path), nil
	}
	v, err := z.Client.OpenSnapshot(ctx, dataset, snap)
	if err != nil {
		return nil, known(err)
	}
	return v, nil
}

// known makes what is not there recognisable without knowledge of ZFS.
func known(err error) error {
	if errors.Is(err, zfs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", err, fs.ErrNotExist)
	}
	return err
}

// mounted is the view of a dataset that stays mounted.
type mounted string

func (m mounted) Path() string { return string(m) }
func (mounted) Close() error   { return nil }
