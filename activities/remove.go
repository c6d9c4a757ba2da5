package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/index"
	"planb/internal/zfs"
)

// RemoveHostInput is a claimed host that leaves the catalog.
type RemoveHostInput struct {
	HostID string `json:"host_id"`
	Run    string `json:"run"`
	// Actor is who asked for it.
	Actor string `json:"actor,omitempty"`
}

// RemoveHost takes a host out of the catalog; its runs stay on record. One that
// is not there any more is a success.
func (c *Control) RemoveHost(ctx context.Context, in RemoveHostInput) error {
	_, err := c.Catalog.RemoveHost(catalog.WithActor(ctx, in.Actor), in.HostID, in.Run)
	if gone(err) {
		return nil
	}
	return refused("removing the host", err)
}

// RemovedData is the dataset of a host that has left the catalog.
type RemovedData struct {
	Host ClaimedHost `json:"host"`
	// Removed is when the host left, Expires when its data goes.
	Removed time.Time `json:"removed"`
	Expires time.Time `json:"expires"`
}

// MarkRemoved writes on a dataset that its host was removed, and when the data
// goes. There says that there is such data at all.
func (s *Storage) MarkRemoved(ctx context.Context, in RemovedData) (there bool, err error) {
	return s.markRemoved(ctx, in, map[string]string{
		zfs.PropRemoved: stampOf(in.Removed), zfs.PropExpires: stampOf(in.Expires),
		zfs.PropName: in.Host.Host.String(), // its group may have been renamed
	})
}

// KeepRemoved takes back when the data of a removed host goes: it is kept until
// somebody destroys it.
func (s *Storage) KeepRemoved(ctx context.Context, in RemovedData) error {
	_, err := s.markRemoved(ctx, in, map[string]string{zfs.PropExpires: ""})
	return err
}

func (s *Storage) markRemoved(ctx context.Context, in RemovedData, props map[string]string) (there bool, err error) {
	d, err := s.removedDataset(ctx, in)
	if err != nil || d == nil {
		return false, err
	}
	if err := s.ZFS.SetProps(ctx, d.Name, props); err != nil {
		return false, fmt.Errorf("marking %s: %w", d.Name, err)
	}
	return true, nil
}

// DestroyRemoved destroys the data of a removed host, unless another host has
// taken it over, or somebody wants it kept. Done again it tells the same.
func (s *Storage) DestroyRemoved(ctx context.Context, in RemovedData) (destroyed bool, err error) {
	d, err := s.removedDataset(ctx, in)
	if err != nil {
		return false, err
	}
	if d == nil {
		return s.wasDestroyed(ctx, in)
	}
	if d.Props[zfs.PropRemoved] != stampOf(in.Removed) || d.Props[zfs.PropExpires] == "" {
		return false, nil
	}
	snaps, err := s.snapshots(ctx, d.Name)
	if err != nil {
		return false, err
	}
	for _, snap := range snaps {
		if snap.Holds > 0 {
			return false, permanent(ErrTypeRefused,
				fmt.Sprintf("the data of %s stays: its snapshot %s@%s is held", in.Host.Host, d.Name, snap.Name),
				"to destroy it all the same, zfs release the snapshot, then zfs destroy -r "+d.Name, nil)
		}
	}
	if err := s.unused(*d); err != nil {
		return false, err
	}
	if err := s.beginToDestroy(in, *d); err != nil {
		return false, err
	}
	err = s.ZFS.DestroyDataset(ctx, d.Name)
	if errors.Is(err, zfs.ErrBusy) {
		return false, later(ErrTypeLocked, err.Error(), 0, err)
	}
	if err != nil {
		return false, fmt.Errorf("destroying %s: %w", d.Name, err)
	}
	if s.Indexes != nil {
		if err := s.Indexes.Forget(index.DatasetID(*d)); err != nil {
			s.Log.Warn("the index of what was destroyed stays", "dataset", d.Name, "error", err)
		}
	}
	return true, nil
}

// destroyingFile is there from before the data of a removed host is destroyed: a
// try that could not tell what it had done is not the last one.
func (s *Storage) destroyingFile(in RemovedData) string {
	return filepath.Join(s.RunsDir(), in.Host.HostID+".destroying")
}

func (s *Storage) beginToDestroy(in RemovedData, d zfs.Dataset) error {
	return writeDurably(s.destroyingFile(in), []byte(destroying(in, d)))
}

func destroying(in RemovedData, d zfs.Dataset) string {
	return fmt.Sprintf("%s, of a host removed on %s, made on %s\n", in.Host.Dataset, stampOf(in.Removed), stampOf(d.Created))
}

// wasDestroyed says of data that is not there, or not that host's, whether it
// was destroyed here. One that is there, and was before, was not.
func (s *Storage) wasDestroyed(ctx context.Context, in RemovedData) (bool, error) {
	text, err := os.ReadFile(s.destroyingFile(in))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading what was destroyed: %w", err)
	}
	d, err := s.ZFS.Dataset(ctx, in.Host.Dataset)
	if errors.Is(err, zfs.ErrNotExist) {
		return strings.HasPrefix(string(text), in.Host.Dataset+", of a host removed on "+stampOf(in.Removed)+","), nil
	}
	return string(text) != destroying(in, d), err
}

// removedDataset gives the dataset, or nil when it is not there or belongs to
// somebody else by now.
func (s *Storage) removedDataset(ctx context.Context, in RemovedData) (*zfs.Dataset, error) {
	if err := s.storageThere(ctx, in.Host); err != nil {
		return nil, err
	}
	d, err := s.ZFS.Dataset(ctx, in.Host.Dataset)
	if errors.Is(err, zfs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", in.Host.Dataset, err)
	}
	if d.Props[zfs.PropHost] != in.Host.HostID {
		return nil, nil
	}
	return &d, nil
}

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// StoredDataset is a dataset that holds, or may hold, the files of one host.
type StoredDataset struct {
	Server  string `json:"server"`
	Storage string `json:"storage"`
	Dataset string `json:"dataset"`
	// HostID and Host are what PlanB wrote on it; empty on one that is not its.
	HostID    string     `json:"host_id,omitempty"`
	Host      string     `json:"host,omitempty"`
	UsedBytes int64      `json:"used_bytes"`
	Created   time.Time  `json:"created"`
	Removed   *time.Time `json:"removed,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
}

// ListDatasets lists the datasets of all storages of this server that have none
// beneath them: those of hosts, and those that nobody knows.
func (s *Storage) ListDatasets(ctx context.Context, server string) ([]StoredDataset, error) {
	var out []StoredDataset
	for _, parent := range s.Parents {
		all, err := s.ZFS.Datasets(ctx, parent)
		if err != nil {
			return nil, fmt.Errorf("listing the datasets of %s: %w", parent, err)
		}
		for _, d := range all {
			if d.Props[zfs.PropHost] == "" && hasChild(all, d.Name) {
				continue
			}
			out = append(out, StoredDataset{
				Server: server, Storage: parent, Dataset: d.Name,
				HostID: d.Props[zfs.PropHost], Host: d.Props[zfs.PropName],
				UsedBytes: max(0, d.Used), Created: d.Created,
				Removed: timeIn(d.Props[zfs.PropRemoved]), Expires: timeIn(d.Props[zfs.PropExpires]),
			})
		}
	}
	return out, nil
}

func hasChild(list []zfs.Dataset, name string) bool {
	for _, d := range list {
		if strings.HasPrefix(d.Name, name+"/") {
			return true
		}
	}
	return false
}

// timeIn reads what stampOf wrote; nil when there is none.
func timeIn(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return &t
}
