package activities

import (
	"context"
	"fmt"
	"io"
	"time"

	"planb/internal/policy"
	"planb/internal/zfs"
)

// holdUntil is when a person's hold on the snapshot ends, if it does.
func holdUntil(snap zfs.Snapshot) (time.Time, bool) {
	until, err := time.Parse(time.RFC3339, snap.Props[zfs.PropHoldUntil])
	return until, err == nil && snap.Holds > 0
}

// endedHolds are the snapshots whose hold has ended: a good snapshot was taken
// after that, and nothing keeps pruning from being done. A host that is dead
// loses none, nor does one whose clock is wrong.
func (s *Storage) endedHolds(snaps []zfs.Snapshot) map[string]bool {
	all := make([]policy.Snapshot, len(snaps))
	for i, snap := range snaps {
		all[i] = asPlanned(snap)
	}
	good, ok := policy.NewestGood(all, s.Now())
	if !ok || policy.PruningStopped(all, s.Now()) != "" {
		return nil
	}
	ended := map[string]bool{}
	for _, snap := range snaps {
		if until, ends := holdUntil(snap); ends && until.Before(good.Time()) {
			ended[snap.Name] = true
		}
	}
	return ended
}

// releaseEnded lets go the holds that have ended.
func (s *Storage) releaseEnded(ctx context.Context, p Plan, snaps []zfs.Snapshot, log io.Writer) (released []string, err error) {
	ended := s.endedHolds(snaps)
	for _, snap := range snaps {
		if !ended[snap.Name] {
			continue
		}
		if _, err := s.release(ctx, p.Dataset, snap); err != nil {
			return released, err
		}
		fmt.Fprintf(log, "%s hold on %s has ended: %s\n", s.stamp(), snap.Name, snap.Props[zfs.PropHoldReason])
		released = append(released, snap.Name)
	}
	return released, nil
}

// release takes back a person's hold, with its reason and its end, and says
// how many of others stay.
func (s *Storage) release(ctx context.Context, dataset string, snap zfs.Snapshot) (others int, err error) {
	full := dataset + "@" + snap.Name
	if err := s.ZFS.Release(ctx, dataset, snap.Name, holdTag); err != nil {
		return 0, fmt.Errorf("releasing %s: %w", full, err)
	}
	now, err := s.ZFS.Snapshot(ctx, dataset, snap.Name)
	if err != nil || now.Holds == 0 || now.Holds == snap.Holds {
		return now.Holds, err
	}
	// What is left are holds of others, of which these say nothing.
	err = s.ZFS.SetProps(ctx, full, map[string]string{zfs.PropHoldReason: "", zfs.PropHoldUntil: ""})
	return now.Holds, err
}
