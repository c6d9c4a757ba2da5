package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"planb/internal/policy"
	"planb/internal/zfs"
)

// PruneInput says whose snapshots are looked through.
type PruneInput struct {
	Plan Plan `json:"plan"`
	// Agreed says that a person wants it done however much goes.
	Agreed bool `json:"agreed,omitempty"`
}

// PruneResult says what was removed, and what could not be.
type PruneResult struct {
	Removed []string `json:"removed,omitempty"`
	Kept    int      `json:"kept"`
	// Busy could not be removed now: somebody reads them. The next run does it.
	Busy []string `json:"busy,omitempty"`
	// Withheld is how many would go, were it not so many that a person has to
	// agree first. Then nothing is removed.
	Withheld int `json:"withheld,omitempty"`
	// Released are those whose hold has ended.
	Released []string `json:"released,omitempty"`
}

// Prune lets go the holds that have ended, and removes the snapshots that the
// host's retention no longer keeps, while nothing writes to the dataset. A plan
// that removes most of them is not carried out unless a person agreed. Done
// again it finds nothing more to do.
func (s *Storage) Prune(ctx context.Context, in PruneInput) (PruneResult, error) {
	p := in.Plan
	lock, err := s.lockDataset(ctx, p)
	if err != nil {
		return PruneResult{}, err
	}
	defer lock.Close()
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return PruneResult{}, err
	}
	decisions, err := s.decisions(p, snaps)
	if err != nil {
		return PruneResult{}, err
	}
	var out PruneResult
	remove := removals(decisions)
	if out.Kept = len(decisions) - len(remove); policy.AsksFirst(decisions) && !in.Agreed {
		return PruneResult{Kept: len(decisions), Withheld: len(remove)}, nil
	}
	log, err := s.openLog(p.Run)
	if err != nil {
		return out, err
	}
	defer log.Close()
	if out.Released, err = s.releaseEnded(ctx, p, snaps, log); err != nil {
		return out, err
	}
	for _, d := range decisions {
		if !d.Keep {
			fmt.Fprintf(log, "%s prune %s: %s\n", s.stamp(), d.Snapshot.Name, strings.Join(d.Reasons, ", "))
		}
	}
	if len(remove) == 0 {
		return out, nil
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

// PlannedSnapshot is what a plan says about one snapshot.
type PlannedSnapshot struct {
	Snapshot string `json:"snapshot"`
	// Action is keep or remove.
	Action  string   `json:"action"`
	Reasons []string `json:"reasons"`
}

// PrunePlan is what pruning would do, newest snapshot first.
type PrunePlan struct {
	Snapshots []PlannedSnapshot `json:"snapshots"`
	// AsksFirst says that it would remove so many that a person has to agree.
	AsksFirst bool `json:"asks_first,omitempty"`
}

// Removals counts what would go.
func (p PrunePlan) Removals() (n int) {
	for _, s := range p.Snapshots {
		if s.Action == policy.ActionRemove {
			n++
		}
	}
	return n
}

// PlanPrune says what Prune would do with the snapshots that the pool has now.
func (s *Storage) PlanPrune(ctx context.Context, p Plan) (PrunePlan, error) {
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return PrunePlan{}, err
	}
	decisions, err := s.decisions(p, snaps)
	if err != nil {
		return PrunePlan{}, err
	}
	out := PrunePlan{Snapshots: make([]PlannedSnapshot, len(decisions)), AsksFirst: policy.AsksFirst(decisions)}
	for i, d := range decisions {
		out.Snapshots[i] = PlannedSnapshot{Snapshot: d.Snapshot.Name, Action: d.Action(), Reasons: d.Reasons}
	}
	return out, nil
}

// decisions are those of the host's retention about each snapshot.
func (s *Storage) decisions(p Plan, snaps []zfs.Snapshot) ([]policy.Decision, error) {
	zone, err := p.Policy.Location()
	if err != nil {
		return nil, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	return policy.Plan(s.planned(snaps), p.Policy.Keep.Value, policy.PlanOptions{
		Now: s.Now(), Location: zone,
		FloorCount: p.Policy.FloorCount.Value, FloorAge: p.Policy.FloorAge.Value,
	}), nil
}

func removals(decisions []policy.Decision) (names []string) {
	for _, d := range decisions {
		if !d.Keep {
			names = append(names, d.Snapshot.Name)
		}
	}
	return names
}

// lockDataset makes this the only one that works on a dataset; a backup that
// writes to it is waited for.
func (s *Storage) lockDataset(ctx context.Context, p Plan) (*os.File, error) {
	mountpoint, err := s.ZFS.EnsureMounted(ctx, p.Dataset)
	if errors.Is(err, zfs.ErrNotExist) {
		return nil, permanent(ErrTypeRefused, err.Error(), "import its pool (zpool import)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("mounting %s: %w", p.Dataset, err)
	}
	// A dataset from elsewhere may not have the directory that is locked yet.
	data := filepath.Join(mountpoint, DataDir)
	if err := s.makeDataDir(ctx, zfs.Dataset{Name: p.Dataset, Mountpoint: mountpoint}, data); err != nil {
		return nil, err
	}
	return s.lock(p, data)
}

// snapshots lists what the pool has; a dataset that is gone is for a person.
func (s *Storage) snapshots(ctx context.Context, dataset string) ([]zfs.Snapshot, error) {
	snaps, err := s.ZFS.Snapshots(ctx, dataset)
	if errors.Is(err, zfs.ErrNotExist) {
		return nil, permanent(ErrTypeRefused, err.Error(), "import its pool (zpool import)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("listing the snapshots of %s: %w", dataset, err)
	}
	return snaps, nil
}

// planned gives what a plan needs to know of snapshots. A hold of a person
// that has ended is none.
func (s *Storage) planned(snaps []zfs.Snapshot) []policy.Snapshot {
	out := make([]policy.Snapshot, len(snaps))
	ended := s.endedHolds(snaps)
	for i, snap := range snaps {
		out[i] = asPlanned(snap)
		if ended[snap.Name] {
			out[i].Held = snap.Holds > 1
		}
	}
	return out
}

func asPlanned(snap zfs.Snapshot) policy.Snapshot {
	return policy.Snapshot{
		Name: snap.Name, Created: snap.Created, State: snap.Props[zfs.PropState],
		Held: snap.Holds > 0, HoldReason: snap.Props[zfs.PropHoldReason],
	}
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
