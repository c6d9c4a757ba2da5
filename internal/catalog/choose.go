package catalog

import (
	"time"

	"planb/internal/policy"
)

// LastGood gives the newest of snapshots, which are the oldest first, that is
// PlanB's own, good and from before until; a zero until is no limit.
func LastGood(snapshots []Snapshot, until time.Time) (Snapshot, bool) {
	for i := len(snapshots) - 1; i >= 0; i-- {
		s := snapshots[i]
		foreign := policy.ParseSnapshotName(s.Name).Kind == policy.KindForeign
		if !foreign && policy.IsGood(string(s.State)) && (until.IsZero() || s.Created.Before(until)) {
			return s, true
		}
	}
	return Snapshot{}, false
}
