package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"planb/internal/zfs"
)

// ZFS is the Pool over the real pools.
type ZFS struct{ Client *zfs.Client }

// Snapshots implements Pool. A dataset is told apart by its GUID.
func (z ZFS) Snapshots(ctx context.Context, dataset string) (string, []Snapshot, error) {
	d, err := z.Client.Dataset(ctx, dataset)
	if err != nil {
		return "", nil, known(err)
	}
	list, err := z.Client.Snapshots(ctx, dataset)
	if err != nil {
		return "", nil, known(err)
	}
	out := make([]Snapshot, len(list))
	for i, s := range list {
		out[i] = Snapshot{Name: s.Name, GUID: s.GUID, Created: s.Created, State: s.Props[zfs.PropState]}
	}
	return DatasetID(d), out, nil
}

// DatasetID gives what tells a dataset apart from all others.
func DatasetID(d zfs.Dataset) string {
	if d.GUID == "" {
		return d.Name + " " + d.Created.String()
	}
	return d.GUID
}

// OpenSnapshot implements Pool.
func (z ZFS) OpenSnapshot(ctx context.Context, dataset, snap string) (View, error) {
	if snap == "" {
		path, err := z.Client.EnsureMounted(ctx, dataset)
		return mounted(path), known(err)
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
