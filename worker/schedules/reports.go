package schedules

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"planb/workflows"
)

// reportsCatchUp ends with the day: a digest that is a day late says nothing, and
// months are made up for the next day.
const reportsCatchUp = 23 * time.Hour

// ReportTimes says when reports are mailed each day.
type ReportTimes struct {
	// At is the time since midnight in Zone.
	At   time.Duration
	Zone string
}

// EnsureReports makes the one schedule that mails reports, or removes it when
// there is no time for it. One that is there keeps its state, which an operator
// may have set in Temporal, and gets the time.
func (s Syncer) EnsureReports(ctx context.Context, times *ReportTimes) error {
	if times == nil {
		err := s.Client.GetHandle(ctx, workflows.ReportsScheduleID).Delete(ctx)
		var none *serviceerror.NotFound
		if err != nil && !errors.As(err, &none) {
			return fmt.Errorf("removing the schedule of reports: %w", err)
		}
		return nil
	}
	hour, minute := int(times.At/time.Hour), int(times.At%time.Hour/time.Minute)
	return s.ensure(ctx, fleetSchedule{
		id: workflows.ReportsScheduleID, what: "the schedule of reports",
		run: workflows.ReportsDueID, workflow: workflows.ReportsDueName, summary: "mail the digest and the monthly reports",
		spec: client.ScheduleSpec{
			Calendars: []client.ScheduleCalendarSpec{{
				Hour: []client.ScheduleRange{{Start: hour}}, Minute: []client.ScheduleRange{{Start: minute}},
			}},
			TimeZoneName: times.Zone,
		},
		priority: 5, overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, catchUp: reportsCatchUp, moves: true,
	})
}
