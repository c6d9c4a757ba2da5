package schedules

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
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
	spec := client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{{
			Hour: []client.ScheduleRange{{Start: hour}}, Minute: []client.ScheduleRange{{Start: minute}},
		}},
		TimeZoneName: times.Zone,
	}
	_, err := s.Client.Create(ctx, client.ScheduleOptions{
		ID: workflows.ReportsScheduleID, Spec: spec,
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.ReportsDueID, Workflow: workflows.ReportsDueName, TaskQueue: activities.ControlQueue,
			StaticSummary: "mail the digest and the monthly reports",
			Priority:      temporal.Priority{PriorityKey: 5},
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: reportsCatchUp,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.move(ctx, workflows.ReportsScheduleID, spec)
	}
	if err != nil {
		return fmt.Errorf("making the schedule of reports: %w", err)
	}
	return nil
}

// move gives a schedule of one time a day another time or zone, if it has one.
func (s Syncer) move(ctx context.Context, id string, spec client.ScheduleSpec) error {
	handle := s.Client.GetHandle(ctx, id)
	is, err := handle.Describe(ctx)
	if err != nil || is.Schedule.Spec != nil && sameTime(*is.Schedule.Spec, spec) {
		return err
	}
	return handle.Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			in.Description.Schedule.Spec = &spec
			return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
		},
	})
}

// sameTime compares the zone and the one time of two; Temporal fills in the rest.
func sameTime(a, b client.ScheduleSpec) bool {
	at := func(s client.ScheduleSpec) [2]int {
		var t [2]int
		for _, c := range s.Calendars {
			for i, ranges := range [][]client.ScheduleRange{c.Hour, c.Minute} {
				if len(ranges) > 0 {
					t[i] = ranges[0].Start
				}
			}
		}
		return t
	}
	return a.TimeZoneName == b.TimeZoneName && at(a) == at(b)
}
