// Package schedules makes the Temporal Schedules of hosts agree with the
// catalog, which is the truth.
package schedules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/workflows"
)

// Wanted is the schedule that the catalog wants a host to have.
type Wanted struct {
	Host      ident.Host
	Timetable policy.Timetable
	// Paused is the reason for which the host does not start by itself; empty
	// when it does.
	Paused string
}

// Change is a difference between the catalog and Temporal.
type Change struct {
	Host string `json:"host"`
	// Action is what Sync does about it: create, update, pause, resume, delete.
	Action string `json:"action"`
}

// Syncer compares and changes schedules.
type Syncer struct{ Client client.ScheduleClient }

const prefix = "schedule/"

// Sync makes the schedules of wanted as they should be. With gone, wanted is
// every host there is, and schedules of others are deleted if gone says so of
// the host: it may have been added since. With dry, nothing is changed. The
// changes come sorted by host.
func (s Syncer) Sync(ctx context.Context, wanted []Wanted, gone func(ident.Host) (bool, error), dry bool) (changes []Change, err error) {
	for _, w := range wanted {
		action, err := s.syncOne(ctx, w, dry)
		if err != nil {
			return changes, fmt.Errorf("schedule of %s: %w", w.Host, err)
		}
		if action != "" {
			changes = append(changes, Change{Host: w.Host.String(), Action: action})
		}
	}
	if gone != nil {
		removed, err := s.removeOthers(ctx, wanted, gone, dry)
		changes = append(changes, removed...)
		if err != nil {
			return changes, err
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Host, b.Host) })
	return changes, nil
}

// Remove deletes the schedule of a host; one that is not there is a success.
func (s Syncer) Remove(ctx context.Context, host ident.Host) error {
	err := s.Client.GetHandle(ctx, workflows.ScheduleID(host)).Delete(ctx)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("deleting the schedule of %s: %w", host, err)
	}
	return nil
}

func isMissing(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

func (s Syncer) syncOne(ctx context.Context, w Wanted, dry bool) (action string, err error) {
	handle := s.Client.GetHandle(ctx, workflows.ScheduleID(w.Host))
	is, err := handle.Describe(ctx)
	if isMissing(err) {
		if dry {
			return "create", nil
		}
		return "create", s.create(ctx, w)
	}
	if err != nil {
		return "", err
	}
	if action = difference(is, w); action == "" || dry {
		return action, nil
	}
	return action, handle.Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			return &client.ScheduleUpdate{Schedule: &client.Schedule{
				Action: startOf(w), Spec: spec(w.Timetable), Policy: policies(w.Timetable), State: state(w),
			}}, nil
		},
	})
}

func (s Syncer) create(ctx context.Context, w Wanted) error {
	options := client.ScheduleOptions{
		ID: workflows.ScheduleID(w.Host), Spec: *spec(w.Timetable), Action: startOf(w),
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: w.Timetable.CatchUp.Duration(),
		Paused:        w.Paused != "", Note: w.Paused,
	}
	_, err := s.Client.Create(ctx, options)
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil // somebody else was faster; the next sync compares
	}
	return err
}

// difference says what a schedule needs, or nothing. Whether it starts at the
// right times is told by the fingerprint among the arguments of its action.
func difference(is *client.ScheduleDescription, w Wanted) string {
	paused := is.Schedule.State != nil && is.Schedule.State.Paused
	switch {
	case fingerprintOf(is) != fingerprint(w):
		return "update"
	case w.Paused != "" && !paused:
		return "pause"
	case w.Paused == "" && paused:
		return "resume"
	case paused && is.Schedule.State.Note != w.Paused:
		return "update" // it is paused for another reason now
	}
	return ""
}

func spec(tt policy.Timetable) *client.ScheduleSpec {
	out := &client.ScheduleSpec{TimeZoneName: tt.Timezone}
	for _, c := range tt.Calendar {
		out.Calendars = append(out.Calendars, client.ScheduleCalendarSpec{
			Second: at(0), Minute: at(c.Minute), Hour: at(c.Hour), DayOfWeek: days(c.Days),
		})
	}
	if len(tt.Calendar) == 0 {
		out.Intervals = []client.ScheduleIntervalSpec{{Every: tt.Every.Duration(), Offset: tt.Phase.Duration()}}
	}
	return out
}

func at(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n}} }

func days(d policy.Weekdays) (out []client.ScheduleRange) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if d.Has(day) {
			out = append(out, client.ScheduleRange{Start: int(day)})
		}
	}
	return out
}

func startOf(w Wanted) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID:        "start/" + w.Host.String(),
		Workflow:  workflows.StartScheduledBackupName,
		TaskQueue: activities.ControlQueue,
		Args:      []any{workflows.ScheduledInput{Host: w.Host, Fingerprint: fingerprint(w)}},
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AttributeHost.ValueSet(w.Host.String()), workflows.AttributeGroup.ValueSet(w.Host.Group)),
		StaticSummary: "start the backup of " + w.Host.String(),
		Priority:      temporal.Priority{PriorityKey: 3, FairnessKey: w.Host.Group},
	}
}

func policies(tt policy.Timetable) *client.SchedulePolicies {
	return &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: tt.CatchUp.Duration()}
}

func state(w Wanted) *client.ScheduleState {
	return &client.ScheduleState{Paused: w.Paused != "", Note: w.Paused}
}

// fingerprint changes whenever the schedule has to; also when the way it is
// made does (version).
func fingerprint(w Wanted) string {
	const version = 1
	text, _ := json.Marshal(struct {
		Version   int
		Host      ident.Host
		Timetable policy.Timetable
	}{version, w.Host, w.Timetable})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
