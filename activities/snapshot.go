package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"planb/internal/zfs"
)

// SnapshotInput fixes the snapshot that a run takes.
type SnapshotInput struct {
	Plan  Plan     `json:"plan"`
	Name  string   `json:"name"`
	Tiers []string `json:"tiers"`
	// State is the snapshot's; Worth what it would be if it were not suspect,
	// Guard what is suspect about it.
	State string `json:"state"`
	Worth string `json:"worth,omitempty"`
	Guard string `json:"guard,omitempty"`
	// Data is the directory that the pull wrote to.
	Data string `json:"data,omitempty"`
}

// Snapshot keeps the dataset as the pull left it. The name is fixed by the
// workflow: one that is there and carries this run is the one asked for. While
// any process still writes to the dataset there is nothing to keep.
func (s *Storage) Snapshot(ctx context.Context, in SnapshotInput) error {
	p := in.Plan
	lock, err := s.lock(in.Plan, in.Data)
	if err != nil {
		return err
	}
	defer lock.Close()
	s.sealSums(p, in.Name)
	snap, _, err := s.ZFS.TakeSnapshot(ctx, p.Dataset, in.Name, map[string]string{
		zfs.PropHost: p.HostID, zfs.PropRun: p.Run, zfs.PropState: in.State, zfs.PropTiers: strings.Join(in.Tiers, ","),
		zfs.PropWorth: in.Worth, zfs.PropGuard: in.Guard,
	})
	switch {
	case errors.Is(err, zfs.ErrNoSpace):
		return permanent(ErrTypeNoSpace, "the pool has no room for a snapshot of "+p.Dataset, "make room; the files are pulled, the next run only snapshots what changed", err)
	case errors.Is(err, zfs.ErrNotExist):
		return permanent(ErrTypeRefused, err.Error(), "the dataset went away during the run: import its pool", err)
	case err != nil:
		return fmt.Errorf("taking %s@%s: %w", p.Dataset, in.Name, err)
	}
	if run := snap.Props[zfs.PropRun]; run != p.Run {
		return permanent(ErrTypeRefused,
			fmt.Sprintf("the snapshot %s@%s is there already, from another run", p.Dataset, in.Name),
			"back the host up again: the next snapshot gets another name", nil)
	}
	return s.forgetChanges(p)
}

// SnapshotTaken says whether the pool has the snapshot that a run was to take.
// A try that is still at it is waited for.
func (s *Storage) SnapshotTaken(ctx context.Context, in SnapshotInput) (bool, error) {
	lock, err := s.lock(in.Plan, in.Data)
	if err != nil {
		return false, err
	}
	defer lock.Close()
	snap, err := s.ZFS.Snapshot(ctx, in.Plan.Dataset, in.Name)
	if errors.Is(err, zfs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s@%s: %w", in.Plan.Dataset, in.Name, err)
	}
	if snap.Props[zfs.PropRun] != in.Plan.Run {
		return false, nil
	}
	return true, s.forgetChanges(in.Plan)
}
