package schedules

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/workflows"
)

// watchEvery is how often everything is looked at.
const watchEvery = 5 * time.Minute

// EnsureWatch makes the one schedule that looks at hosts, workers and storages,
// unless it is there; an operator may pause it in Temporal.
func (s Syncer) EnsureWatch(ctx context.Context) error {
	_, err := s.Client.Create(ctx, client.ScheduleOptions{
		ID:   workflows.WatchScheduleID,
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: watchEvery}}},
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.WatchFleetID, Workflow: workflows.WatchFleetName, TaskQueue: activities.ControlQueue,
			StaticSummary: "look at hosts, workers and storages",
			// What is broken is told before more is begun.
			Priority: temporal.Priority{PriorityKey: 1},
		},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		// What was missed is seen by the next look as well.
		CatchupWindow: 10 * time.Second,
	})
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf("making the schedule that watches: %w", err)
}
