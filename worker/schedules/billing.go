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

const (
	// billingHour is when samples are taken: after the night's backups, far from
	// the turn of the day and from changes to summer time, and while somebody is
	// there to see what goes wrong.
	billingHour = 12
	// billingCatchUp ends with the day; a day that is over is made up for by the
	// next one's run.
	billingCatchUp = 11 * time.Hour
)

// EnsureBilling makes the one schedule that bills each day, at noon in a zone.
// One that is there keeps its state, which an operator may have set in Temporal,
// and gets the zone.
func (s Syncer) EnsureBilling(ctx context.Context, zone string) error {
	spec := client.ScheduleSpec{
		Calendars:    []client.ScheduleCalendarSpec{{Hour: []client.ScheduleRange{{Start: billingHour}}}},
		TimeZoneName: zone,
	}
	_, err := s.Client.Create(ctx, client.ScheduleOptions{
		ID: workflows.BillingScheduleID, Spec: spec,
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.BillingDueID, Workflow: workflows.BillingDueName, TaskQueue: activities.ControlQueue,
			StaticSummary: "bill what hosts use",
			Priority:      temporal.Priority{PriorityKey: 5},
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
		CatchupWindow: billingCatchUp,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.move(ctx, workflows.BillingScheduleID, spec)
	}
	if err != nil {
		return fmt.Errorf("making the schedule of billing: %w", err)
	}
	return nil
}
