package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"planb/internal/policy"
	"planb/internal/zfs"
)

// Verdicts on a suspect snapshot.
const (
	VerdictAccept = "accept"
	VerdictReject = "reject"
)

// DecideInput is what a person decided about the suspect snapshots of a host.
type DecideInput struct {
	Plan Plan `json:"plan"`
	// Verdict is one of the Verdict constants.
	Verdict string `json:"verdict"`
	// Snapshot is the only one meant; empty means all that are suspect.
	Snapshot string `json:"snapshot,omitempty"`
}

// DecideResult names the snapshots that were decided about, oldest first.
type DecideResult struct {
	Snapshots []string `json:"snapshots"`
	// Waiting is how many suspect ones are left.
	Waiting int `json:"waiting,omitempty"`
}

// Decide gives suspect snapshots the state that they are worth, or marks them
// as rejected. Once none is left, the last good one is held no longer. Done
// again it does the same.
func (s *Storage) Decide(ctx context.Context, in DecideInput) (DecideResult, error) {
	var out DecideResult
	dataset := in.Plan.Dataset
	snaps, err := s.snapshots(ctx, dataset)
	if err != nil {
		return out, err
	}
	if in.Snapshot != "" {
		if _, err := theSnapshot(in.Plan, snaps, in.Snapshot); err != nil {
			return out, err
		}
	}
	for i, snap := range snaps {
		if snap.Props[zfs.PropState] != policy.StateSuspect {
			continue
		}
		if in.Snapshot != "" && snap.Name != in.Snapshot {
			out.Waiting++
			continue
		}
		props := verdict(in.Verdict, snap)
		if err := s.ZFS.SetProps(ctx, dataset+"@"+snap.Name, props); err != nil {
			return out, fmt.Errorf("marking %s@%s: %w", dataset, snap.Name, err)
		}
		snaps[i].Props[zfs.PropState] = props[zfs.PropState]
		out.Snapshots = append(out.Snapshots, snap.Name)
	}
	// A try before this one may have marked them, and no more.
	if len(out.Snapshots) == 0 && activity.GetInfo(ctx).Attempt == 1 {
		what := "no suspect snapshot"
		if in.Snapshot != "" {
			what = "nothing suspect about its snapshot " + in.Snapshot
		}
		return out, permanent(ErrTypeRefused, in.Plan.Host.String()+" has "+what+": there is nothing to decide", "", nil)
	}
	return out, s.releaseGuard(ctx, dataset, snaps)
}

// verdict gives the properties of a snapshot after the verdict.
func verdict(verdict string, snap zfs.Snapshot) map[string]string {
	if verdict == VerdictReject {
		return map[string]string{zfs.PropState: policy.StateRejected}
	}
	worth := snap.Props[zfs.PropWorth]
	if worth == "" {
		worth = policy.StateWarning
	}
	return map[string]string{zfs.PropState: worth, zfs.PropWorth: "", zfs.PropGuard: ""}
}

// theSnapshot finds a snapshot by its name.
func theSnapshot(p Plan, snaps []zfs.Snapshot, name string) (zfs.Snapshot, error) {
	for _, snap := range snaps {
		if snap.Name == name {
			return snap, nil
		}
	}
	return zfs.Snapshot{}, permanent(ErrTypeNoSnapshot,
		fmt.Sprintf("%s has no snapshot %s: see planb snapshots %s", p.Host, name, p.Host), "", nil)
}
