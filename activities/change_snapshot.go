package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"planb/internal/policy"
	"planb/internal/zfs"
)

// What can be done to a snapshot by hand.
const (
	ChangeHold    = "hold"
	ChangeRelease = "release"
	ChangeRemove  = "remove"
)

// ChangeSnapshotInput is what a person wants done to one snapshot.
type ChangeSnapshotInput struct {
	Plan     Plan   `json:"plan"`
	Snapshot string `json:"snapshot"`
	// Change is one of the Change constants.
	Change string `json:"change"`
	// Reason is that of a hold; Until its end, nil when it has none.
	Reason string     `json:"reason,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// ChangeSnapshot holds, releases or removes one snapshot. Done again it does
// the same.
func (s *Storage) ChangeSnapshot(ctx context.Context, in ChangeSnapshotInput) error {
	snaps, err := s.snapshots(ctx, in.Plan.Dataset)
	if err != nil {
		return err
	}
	snap, err := theSnapshot(in.Plan, snaps, in.Snapshot)
	if err != nil {
		// The try before this one may have removed it.
		if in.Change == ChangeRemove && activity.GetInfo(ctx).Attempt > 1 {
			return nil
		}
		return err
	}
	switch in.Change {
	case ChangeHold:
		return s.holdSnapshot(ctx, in)
	case ChangeRelease:
		return s.releaseSnapshot(ctx, in, snap)
	case ChangeRemove:
		return s.removeSnapshot(ctx, in, snap, snaps)
	}
	return permanent(ErrTypeRefused, fmt.Sprintf("%q is nothing that can be done to a snapshot", in.Change), "", nil)
}

func (s *Storage) holdSnapshot(ctx context.Context, in ChangeSnapshotInput) error {
	dataset, until := in.Plan.Dataset, ""
	if in.Until != nil {
		until = in.Until.UTC().Format(time.RFC3339)
	}
	if err := s.ZFS.SetProps(ctx, dataset+"@"+in.Snapshot, map[string]string{zfs.PropHoldUntil: until}); err != nil {
		return fmt.Errorf("holding %s@%s: %w", dataset, in.Snapshot, err)
	}
	if err := s.ZFS.Hold(ctx, dataset, in.Snapshot, holdTag, in.Reason); err != nil {
		return fmt.Errorf("holding %s@%s: %w", dataset, in.Snapshot, err)
	}
	return nil
}

func (s *Storage) releaseSnapshot(ctx context.Context, in ChangeSnapshotInput, snap zfs.Snapshot) error {
	others, err := s.release(ctx, in.Plan.Dataset, snap)
	if err != nil || others == 0 || others < snap.Holds {
		return err
	}
	// The hold is not one of a person.
	return permanent(ErrTypeRefused, in.Plan.Host.String()+"@"+in.Snapshot+" is held, but not by hand: by a guard, until `planb host accept` or `reject`, or by another program, see `zfs holds`", "", nil)
}

// removeSnapshot destroys one snapshot, unless something says that it is
// still wanted.
func (s *Storage) removeSnapshot(ctx context.Context, in ChangeSnapshotInput, snap zfs.Snapshot, snaps []zfs.Snapshot) error {
	name := in.Plan.Host.String() + "@" + snap.Name
	good, ok := policy.NewestGood(s.planned(snaps), s.Now())
	switch {
	case snap.Holds > 0:
		return permanent(ErrTypeRefused, fmt.Sprintf("%s is held (%s): release it first", name, snap.Props[zfs.PropHoldReason]), "", nil)
	case ok && good.Name == snap.Name:
		return permanent(ErrTypeRefused, name+" is the newest good snapshot: make another backup first", "", nil)
	case policy.ParseSnapshotName(snap.Name).Kind == policy.KindForeign:
		return permanent(ErrTypeRefused, name+" is not a snapshot of PlanB: whoever took it should remove it", "", nil)
	}
	destroyed, err := s.ZFS.DestroySnapshots(ctx, in.Plan.Dataset, []string{snap.Name})
	if errors.Is(err, zfs.ErrBusy) {
		return permanent(ErrTypeRefused, name+" is being read: try again when that is done", "", err)
	}
	if err != nil || len(destroyed) != 1 {
		return fmt.Errorf("removing %s: %w", name, err)
	}
	left, err := s.snapshots(ctx, in.Plan.Dataset)
	if err != nil {
		return err
	}
	// It may have been the last one that was suspect.
	return s.releaseGuard(ctx, in.Plan.Dataset, left)
}
