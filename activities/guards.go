package activities

import (
	"context"
	"fmt"
	"strings"

	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/zfs"
)

// guardTag is the zfs hold on the last good snapshot of a host that has a
// suspect one; holdTag is that of people.
const (
	guardTag = "planb-guard"
	holdTag  = "planb"
)

// judge counts what a transfer, and those before it that no snapshot followed,
// did since the last good backup, and gives the guards that find it suspect.
// Counts are nil where rsync told none.
func judge(p Plan, res rsync.Result, before rsync.Changes) (*policy.Counts, []policy.Tripped) {
	if res.Stats == nil {
		return nil, nil
	}
	counts := countsOf(res)
	counts.Created += before.Created
	counts.Changed += before.Changed
	counts.Deleted += before.Deleted
	counts = counts.Since(p.Since)
	tripped := p.Policy.Guard(p.Previous, counts)
	if !counts.Leftovers || trippedBy(tripped, policy.GuardDelete) {
		return &counts, tripped
	}
	most, _ := p.Policy.MaxDelete(p.Previous)
	return &counts, append(tripped, policy.Tripped{Guard: policy.GuardDelete, Reason: fmt.Sprintf(
		"More than %d files are gone from the host, the limit of %d %%; the others that are gone were kept.", most, p.Policy.GuardDelete.Value)})
}

// countsOf counts regular files: a file that was transferred and not created
// is one that changed.
func countsOf(res rsync.Result) policy.Counts {
	st := res.Stats
	return policy.Counts{
		Files: st.RegularFiles, Bytes: st.TotalSize, Created: st.RegularCreated, Deleted: st.RegularDeleted,
		Changed: max(0, st.FilesTransferred-st.RegularCreated), Leftovers: res.Type == rsync.TypeGuard,
	}
}

func trippedBy(tripped []policy.Tripped, guard string) bool {
	for _, t := range tripped {
		if t.Guard == guard {
			return true
		}
	}
	return false
}

// GuardReasons puts in one sentence, or several, what tripped.
func GuardReasons(tripped []policy.Tripped) string {
	reasons := make([]string, len(tripped))
	for i, t := range tripped {
		reasons[i] = t.Reason
	}
	return strings.Join(reasons, " ")
}

// GuardsInput is a suspect snapshot of a host.
type GuardsInput struct {
	Plan     Plan             `json:"plan"`
	Snapshot string           `json:"snapshot"`
	Tripped  []policy.Tripped `json:"tripped"`
}

// GuardsResult names what is held; empty when there is no good snapshot.
type GuardsResult struct {
	Held string `json:"held,omitempty"`
}

// Guards holds the last good snapshot of a host whose newest one is suspect,
// until somebody decides. Done again it does the same.
func (s *Storage) Guards(ctx context.Context, in GuardsInput) (GuardsResult, error) {
	p := in.Plan
	log, err := s.openLog(p.Run)
	if err != nil {
		return GuardsResult{}, err
	}
	defer log.Close()
	for _, t := range in.Tripped {
		fmt.Fprintf(log, "%s guard %s: %s\n", s.stamp(), t.Guard, t.Reason)
	}
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return GuardsResult{}, err
	}
	good, ok := policy.NewestGood(s.planned(snaps), s.Now())
	if !ok || !isSuspect(snaps, in.Snapshot) {
		return GuardsResult{}, nil // nothing to hold, or somebody was fast to decide
	}
	reason := "last good, while " + in.Snapshot + " is suspect"
	for _, snap := range snaps {
		if snap.Name == good.Name && snap.Props[zfs.PropHoldReason] != "" {
			reason = "" // a person's says more
		}
	}
	if err := s.ZFS.Hold(ctx, p.Dataset, good.Name, guardTag, reason); err != nil {
		return GuardsResult{}, fmt.Errorf("holding the last good snapshot: %w", err)
	}
	fmt.Fprintf(log, "%s guard holds %s\n", s.stamp(), good.Name)
	return GuardsResult{Held: good.Name}, nil
}

func isSuspect(snaps []zfs.Snapshot, name string) bool {
	for _, snap := range snaps {
		if snap.Name == name {
			return snap.Props[zfs.PropState] == policy.StateSuspect
		}
	}
	return false
}

// releaseGuard takes the holds of guards back once nothing is suspect any
// more.
func (s *Storage) releaseGuard(ctx context.Context, dataset string, snaps []zfs.Snapshot) error {
	for _, snap := range snaps {
		if snap.Props[zfs.PropState] == policy.StateSuspect {
			return nil
		}
	}
	for _, snap := range snaps {
		if snap.Holds == 0 {
			continue
		}
		if err := s.ZFS.Release(ctx, dataset, snap.Name, guardTag); err != nil {
			return fmt.Errorf("releasing %s@%s: %w", dataset, snap.Name, err)
		}
	}
	return nil
}
