package catalog

import (
	"time"

	"planb/internal/policy"
)

// Decisions are what the retention would do with the snapshots of a host, the
// newest first, by what is on record of the pool.
func Decisions(snaps []Snapshot, e policy.Effective, now time.Time) []policy.Decision {
	zone, err := e.Location()
	if err != nil {
		zone = time.UTC
	}
	return policy.Plan(Planned(snaps, now), e.Keep.Value, policy.PlanOptions{
		Now: now, Location: zone, FloorCount: e.FloorCount.Value, FloorAge: e.FloorAge.Value,
	})
}

// Planned gives snapshots as plans take them.
func Planned(snaps []Snapshot, now time.Time) []policy.Snapshot {
	list := make([]policy.Snapshot, len(snaps))
	for i, s := range snaps {
		held := s.Holds > 0
		if s.HoldUntil != nil && s.HoldUntil.Before(now) {
			held = s.Holds > 1 // the hold that has ended is let go first
		}
		list[i] = policy.Snapshot{Name: s.Name, Created: s.Created, State: string(s.State), Held: held, HoldReason: string(s.HoldReason)}
	}
	return list
}
