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
	_, err := s.Client.Create(ctx, client.ScheduleOptions{
		ID:   workflows.VerifyScheduleID,
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: verifyEvery, Offset: verifyOffset}}},
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.VerifyDueID, Workflow: workflows.VerifyDueName, TaskQueue: activities.ControlQueue,
			StaticSummary: "verify the backups of hosts whose turn it is",
			Priority:      temporal.Priority{PriorityKey: 5},
		},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		// What was missed is due in the next hour as well.
		CatchupWindow: 10 * time.Second,
	})
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf("making the schedule of verifications: %w", err)
}
