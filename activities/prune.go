package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"planb/internal/policy"
	"planb/internal/zfs"
)

// PruneInput says whose snapshots are looked through.
type PruneInput struct {
	Plan Plan `json:"plan"`
}

// PruneResult says what was removed, and what could not be.
type PruneResult struct {
	Removed []string `json:"removed,omitempty"`
	Kept    int      `json:"kept"`
	// Busy could not be removed now: somebody reads them. The next run does it.
	Busy []string `json:"busy,omitempty"`
}

// Prune removes the snapshots that the host's retention no longer keeps. Done
// again it finds nothing more to do.
func (s *Storage) Prune(ctx context.Context, in PruneInput) (PruneResult, error) {
	p := in.Plan
	decisions, err := s.retentionPlan(ctx, p)
	if err != nil {
		return PruneResult{}, err
	}
	var out PruneResult
	var remove []string
	for _, d := range decisions {
		if d.Keep {
			out.Kept++
		} else {
			remove = append(remove, d.Snapshot.Name)
		}
	}
	if len(remove) == 0 {
		return out, nil
	}
	log, err := s.openLog(p.Run)
	if err != nil {
		return out, err
	}
	defer log.Close()
	for _, d := range decisions {
		if !d.Keep {
			fmt.Fprintf(log, "%s prune %s: %s\n", s.stamp(), d.Snapshot.Name, strings.Join(d.Reasons, ", "))
		}
	}
	out.Removed, err = s.ZFS.DestroySnapshots(ctx, p.Dataset, remove)
	if err != nil && !errors.Is(err, zfs.ErrBusy) {
		return out, fmt.Errorf("removing snapshots of %s: %w", p.Dataset, err)
	}
	out.Busy = missing(remove, out.Removed)
	if len(out.Busy) > 0 {
		fmt.Fprintf(log, "%s prune left %s: in use\n", s.stamp(), strings.Join(out.Busy, ", "))
	}
	return out, nil
}

// retentionPlan decides about each snapshot that the pool has of the host.
func (s *Storage) retentionPlan(ctx context.Context, p Plan) ([]policy.Decision, error) {
	zone, err := p.Policy.Location()
	if err != nil {
		return nil, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return nil, err
	}
	return policy.Plan(planned(snaps), p.Policy.Keep.Value, policy.PlanOptions{
		Now: s.Now(), Location: zone,
		FloorCount: p.Policy.FloorCount.Value, FloorAge: p.Policy.FloorAge.Value,
	}), nil
}

func (s *Storage) snapshots(ctx context.Context, dataset string) ([]zfs.Snapshot, error) {
	snaps, err := s.ZFS.Snapshots(ctx, dataset)
	if err != nil {
		return nil, fmt.Errorf("listing the snapshots of %s: %w", dataset, err)
	}
	return snaps, nil
}

// planned gives what a plan needs to know of snapshots.
func planned(snaps []zfs.Snapshot) []policy.Snapshot {
	out := make([]policy.Snapshot, len(snaps))
	for i, snap := range snaps {
		out[i] = policy.Snapshot{
			Name: snap.Name, Created: snap.Created, State: snap.Props[zfs.PropState],
			Held: snap.Holds > 0, HoldReason: snap.Props[zfs.PropHoldReason],
		}
	}
	return out
}

// missing gives what of all is not in some.
func missing(all, some []string) []string {
	there := map[string]bool{}
	for _, name := range some {
		there[name] = true
	}
	var out []string
	for _, name := range all {
		if !there[name] {
			out = append(out, name)
		}
	}
	return out
}
