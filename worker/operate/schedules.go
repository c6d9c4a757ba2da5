package operate

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker/schedules"
)

// comparePatience bounds comparing all schedules: each is one question, so
// that 5,000 hosts take their time.
const comparePatience = 50 * time.Second

// Schedule is when a host is backed up.
type Schedule struct {
	Host  string `json:"host"`
	Every string `json:"every"`
	// Window is null where backups start at any time.
	Window   *string `json:"window"`
	Timezone string  `json:"timezone"`
	// Next is null while it is paused.
	Next        *time.Time `json:"next"`
	Paused      bool       `json:"paused"`
	PauseReason *string    `json:"pause_reason"`
}

// Schedules gives the schedules of hosts, as Temporal has them. Errors:
// *UnavailableError.
func (o Operator) Schedules(ctx context.Context, hosts []catalog.HostPolicy) ([]Schedule, error) {
	ctx, cancel := context.WithTimeout(ctx, comparePatience)
	defer cancel()
	names := make([]ident.Host, len(hosts))
	for i, h := range hosts {
		names[i] = h.Host.Ident()
	}
	states, err := (schedules.Syncer{Client: o.Temporal.ScheduleClient()}).Look(ctx, names)
	if err != nil {
		return nil, unavailable("", err)
	}
	list := make([]Schedule, len(hosts))
	for i, h := range hosts {
		list[i] = scheduleOf(h, states[names[i]])
	}
	return list, nil
}

func scheduleOf(h catalog.HostPolicy, st schedules.State) Schedule {
	s := Schedule{
		Host: h.Host.Ident().String(), Every: h.Policy.Every.Value.String(), Timezone: h.Policy.Timezone.Value,
		Next: st.Next, Paused: st.Paused,
	}
	if w := h.Policy.Window.Value; !w.IsAlways() {
		s.Window = new(w.String())
	}
	switch {
	case !st.There:
		s.Paused, s.PauseReason = true, new("it has no schedule yet: planb schedule sync")
	case st.Paused:
		s.PauseReason = new(st.Reason)
	}
	return s
}

// Differences gives what Sync would change.
func (o Operator) Differences(ctx context.Context) ([]schedules.Change, error) {
	return o.agreeAll(ctx, true)
}

// Sync makes the schedules of all hosts agree with the catalog, and says what
// it changed.
func (o Operator) Sync(ctx context.Context) ([]schedules.Change, error) {
	return o.agreeAll(ctx, false)
}

func (o Operator) agreeAll(ctx context.Context, dry bool) ([]schedules.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, comparePatience)
	defer cancel()
	keeper := schedules.Keeper{Catalog: o.Catalog, Syncer: schedules.Syncer{Client: o.Temporal.ScheduleClient()}}
	changes, err := keeper.AgreeAll(ctx, dry)
	return changes, unavailable("", err)
}
