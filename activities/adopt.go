package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"planb/internal/zfs"
)

// refuseElsewhere refuses to make a dataset for a host whose files are in
// another one already: all of them would be pulled again, and their history
// would be lost sight of.
func (s *Storage) refuseElsewhere(ctx context.Context, p Plan) error {
	if _, err := s.ZFS.Dataset(ctx, p.Dataset); !errors.Is(err, zfs.ErrNotExist) {
		return nil // what else may be wrong shows when the dataset is used
	}
	all, err := s.ZFS.Datasets(ctx, p.Storage)
	if errors.Is(err, zfs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the files of %s: %w", p.Host, err)
	}
	for _, d := range all {
		if d.Props[zfs.PropHost] == p.HostID {
			return permanent(ErrTypeRefused,
				fmt.Sprintf("the files of %s are in the dataset %s, not in %s", p.Host, d.Name, p.Dataset),
				fmt.Sprintf("move them back with `zfs rename -p %s %s`", d.Name, p.Dataset), nil)
		}
	}
	return nil
}

// adopt makes a dataset that an operator gave to this host, from one that was
// removed, the host's own: it is nobody's leftover any more.
func (s *Storage) adopt(ctx context.Context, d zfs.Dataset, p Plan) error {
	if d.Props[zfs.PropRemoved] == "" {
		return nil
	}
	props := map[string]string{zfs.PropRemoved: "", zfs.PropExpires: "", zfs.PropName: p.Host.String()}
	if err := s.ZFS.SetProps(ctx, d.Name, props); err != nil {
		return fmt.Errorf("taking %s over: %w", d.Name, err)
	}
	return nil
}

// leftover says whose data a dataset holds.
func leftover(d zfs.Dataset, removed time.Time) string {
	return fmt.Sprintf("the dataset %s holds the data of %s, which was removed on %s",
		d.Name, d.Props[zfs.PropName], removed.Format(time.DateOnly))
}
