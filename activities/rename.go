package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/zfs"
)

// MoveDatasetInput gives the dataset of a claimed host another place.
type MoveDatasetInput struct {
	Host ClaimedHost `json:"host"`
	// Name is what the host is called from now on.
	Name ident.Host `json:"name"`
	// From and To are datasets on the host's storage.
	From string `json:"from"`
	To   string `json:"to"`
}

// MoveDataset renames a dataset and gives where it is from then on: it stays
// where it was when there is a dataset at the new place. Done again it finds it
// moved. While somebody still uses it, it is tried again later.
func (s *Storage) MoveDataset(ctx context.Context, in MoveDatasetInput) (dataset string, err error) {
	if err := s.storageThere(ctx, in.Host); err != nil {
		return "", err
	}
	there, err := s.ZFS.Dataset(ctx, in.To)
	if err == nil {
		if there.Props[zfs.PropHost] != in.Host.HostID {
			return in.From, s.name(ctx, in.From, in)
		}
		return in.To, s.name(ctx, in.To, in)
	}
	if !errors.Is(err, zfs.ErrNotExist) {
		return "", fmt.Errorf("looking at %s: %w", in.To, err)
	}
	d, err := s.ZFS.Dataset(ctx, in.From)
	switch {
	case errors.Is(err, zfs.ErrNotExist) && !in.Host.Made:
		return in.To, nil // it is made there at the first backup
	case errors.Is(err, zfs.ErrNotExist):
		return "", permanent(ErrTypeRefused, "the dataset "+in.From+" is not there", "see zfs list, and whether its pool is whole", err)
	case err != nil:
		return "", fmt.Errorf("looking at %s: %w", in.From, err)
	case d.Props[zfs.PropHost] != in.Host.HostID:
		return in.From, nil // not this host's: nothing of it is there to move
	}
	if err := s.unused(d); err != nil {
		return "", err
	}
	if _, _, err := s.ZFS.EnsureDataset(ctx, path.Dir(in.To), nil); err != nil {
		return "", fmt.Errorf("making the dataset of the group: %w", err)
	}
	err = s.ZFS.Rename(ctx, in.From, in.To)
	if errors.Is(err, zfs.ErrBusy) {
		return "", later(ErrTypeLocked, in.From+" is in use: somebody reads its files", lockedAgain, err)
	}
	if err != nil {
		return "", fmt.Errorf("renaming %s to %s: %w", in.From, in.To, err)
	}
	return in.To, s.name(ctx, in.To, in)
}

// name writes on the host's dataset what the host is called.
func (s *Storage) name(ctx context.Context, dataset string, in MoveDatasetInput) error {
	d, err := s.ZFS.Dataset(ctx, dataset)
	if errors.Is(err, zfs.ErrNotExist) || err == nil && d.Props[zfs.PropHost] != in.Host.HostID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", dataset, err)
	}
	if err := s.ZFS.SetProps(ctx, dataset, map[string]string{zfs.PropName: in.Name.String()}); err != nil {
		return fmt.Errorf("writing the new name on %s: %w", dataset, err)
	}
	return nil
}

// storageThere waits for a storage whose pool is not imported: what is not
// there now is not gone.
func (s *Storage) storageThere(ctx context.Context, h ClaimedHost) error {
	_, err := s.ZFS.Dataset(ctx, h.Storage)
	if errors.Is(err, zfs.ErrNotExist) {
		return later(ErrTypeStorage, fmt.Sprintf("the storage %s is not there on server %s: import its pool", h.Storage, h.Server), 0, err)
	}
	if err != nil {
		return fmt.Errorf("looking at storage %s: %w", h.Storage, err)
	}
	return nil
}

// unused puts off what cannot be done while a transfer writes to a dataset. It
// does not keep the lock: an open file would keep the dataset mounted, and the
// claim on the host keeps new transfers away.
func (s *Storage) unused(d zfs.Dataset) error {
	if !d.Mounted {
		return nil
	}
	lock, err := s.lock(Plan{Dataset: d.Name}, filepath.Join(d.Mountpoint, DataDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return lock.Close()
}

// RenameHostInput is the new name of a claimed host.
type RenameHostInput struct {
	HostID string     `json:"host_id"`
	To     ident.Host `json:"to"`
	// Dataset is where its dataset is now; empty leaves it as recorded.
	Dataset string `json:"dataset,omitempty"`
	Run     string `json:"run"`
	// Actor is who asked for it.
	Actor string `json:"actor,omitempty"`
}

// RenameHost records the new name and the place of the dataset, in one step.
func (c *Control) RenameHost(ctx context.Context, in RenameHostInput) error {
	_, err := c.Catalog.RenameHost(catalog.WithActor(ctx, in.Actor), in.HostID, in.To, in.Dataset, in.Run)
	return refused("recording the new name", err)
}
