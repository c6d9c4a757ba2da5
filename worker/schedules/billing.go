package schedules

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

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
	return s.ensure(ctx, fleetSchedule{
		id: workflows.BillingScheduleID, what: "the schedule of billing",
		run: workflows.BillingDueID, workflow: workflows.BillingDueName, summary: "bill what hosts use",
		spec: client.ScheduleSpec{
			Calendars:    []client.ScheduleCalendarSpec{{Hour: []client.ScheduleRange{{Start: billingHour}}}},
			TimeZoneName: zone,
		},
		priority: 5, overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, catchUp: billingCatchUp, moves: true,
	})
}
