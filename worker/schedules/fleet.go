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
)

// fleetSchedule is a schedule of which there is one for all hosts.
type fleetSchedule struct {
	id string
	// what names it in errors: "the schedule that watches".
	what string
	// run and workflow are the id and the name of what it starts, summary what
	// Temporal's pages say of that.
	run, workflow, summary string
	spec                   client.ScheduleSpec
	priority               int
	overlap                enumspb.ScheduleOverlapPolicy
	// catchUp is how late a start that was missed is made up for.
	catchUp time.Duration
	// moves gives one that is there the time and zone of spec.
	moves bool
}

// soonAgain is the catch-up of what the next start sees to as well.
const soonAgain = 10 * time.Second

// ensure makes a schedule, unless it is there. One that is keeps its state, which
// an operator may have set in Temporal.
func (s Syncer) ensure(ctx context.Context, f fleetSchedule) error {
	_, err := s.Client.Create(ctx, client.ScheduleOptions{
		ID: f.id, Spec: f.spec,
		Action: &client.ScheduleWorkflowAction{
			ID: f.run, Workflow: f.workflow, TaskQueue: activities.ControlQueue,
			StaticSummary: f.summary, Priority: temporal.Priority{PriorityKey: f.priority},
		},
		Overlap: f.overlap, CatchupWindow: f.catchUp,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = nil
		if f.moves {
			err = s.move(ctx, f.id, f.spec)
		}
	}
	if err != nil {
		return fmt.Errorf("making %s: %w", f.what, err)
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
