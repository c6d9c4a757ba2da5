package schedules

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"planb/internal/ident"
	"planb/workflows"
)

// State is what Temporal knows of the schedule of a host.
type State struct {
	// There is false for a host without a schedule.
	There  bool
	Next   *time.Time
	Paused bool
	Reason string
}

// Look asks Temporal for the schedules of hosts, several at a time.
func (s Syncer) Look(ctx context.Context, hosts []ident.Host) (map[ident.Host]State, error) {
	const parallel = 8
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		first error
		out   = make(map[ident.Host]State, len(hosts))
		slots = make(chan struct{}, parallel)
	)
	for _, h := range hosts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			st, err := s.look(ctx, h)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = fmt.Errorf("schedule of %s: %w", h, err)
			}
			out[h] = st
		})
	}
	wg.Wait()
	return out, first
}

func (s Syncer) look(ctx context.Context, h ident.Host) (State, error) {
	d, err := s.Client.GetHandle(ctx, workflows.ScheduleID(h)).Describe(ctx)
	if isMissing(err) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	st := State{There: true}
	if d.Schedule.State != nil {
		st.Paused, st.Reason = d.Schedule.State.Paused, d.Schedule.State.Note
	}
	if len(d.Info.NextActionTimes) > 0 && !st.Paused {
		next := d.Info.NextActionTimes[0].UTC()
		st.Next = &next
	}
	return st, nil
}

// removeOthers deletes the schedules of hosts that are not in wanted, and gone.
func (s Syncer) removeOthers(ctx context.Context, wanted []Wanted, gone func(ident.Host) (bool, error), dry bool) (removed []Change, err error) {
	keep := map[string]bool{}
	for _, w := range wanted {
		keep[workflows.ScheduleID(w.Host)] = true
	}
	all, err := s.Client.List(ctx, client.ScheduleListOptions{PageSize: 1000})
	if err != nil {
		return nil, fmt.Errorf("listing schedules: %w", err)
	}
	for all.HasNext() {
		entry, err := all.Next()
		if err != nil {
			return removed, fmt.Errorf("listing schedules: %w", err)
		}
		name, ours := strings.CutPrefix(entry.ID, prefix)
		if !ours || keep[entry.ID] {
			continue
		}
		if host, err := ident.ParseHost(name); err == nil {
			really, err := gone(host)
			if err != nil {
				return removed, err
			}
			if !really {
				continue
			}
		}
		if !dry {
			if err := s.Client.GetHandle(ctx, entry.ID).Delete(ctx); err != nil && !isMissing(err) {
				return removed, fmt.Errorf("deleting the schedule of %s: %w", name, err)
			}
		}
		removed = append(removed, Change{Host: name, Action: "delete"})
	}
	return removed, nil
}

// fingerprintOf reads the fingerprint of a schedule that is there.
func fingerprintOf(d *client.ScheduleDescription) string {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(action.Args) != 1 {
		return ""
	}
	payload, ok := action.Args[0].(*commonpb.Payload)
	if !ok {
		return ""
	}
	var in workflows.ScheduledInput
	if converter.GetDefaultDataConverter().FromPayload(payload, &in) != nil {
		return ""
	}
	return in.Fingerprint
}
