package schedules

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"planb/workflows"
)

// verifyEvery is how often hosts whose turn it is are looked for, and
// verifyOffset when in the hour: not at its start, when backups begin.
const (
	verifyEvery  = time.Hour
	verifyOffset = 37 * time.Minute
)

// EnsureVerify makes the one schedule that verifies all hosts in turn, unless it
// is there. Which hosts these are the catalog says each time, so it never
// changes; an operator may pause it in Temporal.
func (s Syncer) EnsureVerify(ctx context.Context) error {
	return s.ensure(ctx, fleetSchedule{
		id: workflows.VerifyScheduleID, what: "the schedule of verifications",
		run: workflows.VerifyDueID, workflow: workflows.VerifyDueName, summary: "verify the backups of hosts whose turn it is",
		spec:     client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: verifyEvery, Offset: verifyOffset}}},
		priority: 5, overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, catchUp: soonAgain,
	})
}
