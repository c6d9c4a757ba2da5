package schedules

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"planb/workflows"
)

// watchEvery is how often everything is looked at.
const watchEvery = 5 * time.Minute

// EnsureWatch makes the one schedule that looks at hosts, workers and storages,
// unless it is there; an operator may pause it in Temporal.
func (s Syncer) EnsureWatch(ctx context.Context) error {
	return s.ensure(ctx, fleetSchedule{
		id: workflows.WatchScheduleID, what: "the schedule that watches",
		run: workflows.WatchFleetID, workflow: workflows.WatchFleetName, summary: "look at hosts, workers and storages",
		spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: watchEvery}}},
		// What is broken is told before more is begun.
		priority: 1,
		overlap:  enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, catchUp: soonAgain,
	})
}
