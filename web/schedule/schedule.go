// Package schedule shows when hosts are backed up: over the day and the week,
// and how full the slots for transfers are then.
package schedule

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker/schedules"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Starts(ctx context.Context, v catalog.Visible, from, until time.Time) ([]catalog.Start, error)
	StorageRooms(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.StorageRoom, error)
	SystemEffective(ctx context.Context) (policy.Effective, error)
	HostPage(ctx context.Context, q catalog.HostQuery) (catalog.HostList, error)
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Differences(ctx context.Context) ([]schedules.Change, error)
	Sync(ctx context.Context) ([]schedules.Change, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Now      func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/schedule", Right: access.View, Scope: server.Anything, Handle: p.show},
		{Method: http.MethodGet, Pattern: "/schedule/check", Right: access.View, Handle: p.check},
		{Method: http.MethodPost, Pattern: "/schedule/sync", Right: access.Operate, Handle: p.sync},
	}
}

const (
	// stretch is what a bar of the chart stands for.
	stretch = 15 * time.Minute
	// weekAhead is how many days there are to choose from.
	weekAhead = 7
	// mostNext and mostPaused bound the lists below the chart.
	mostNext, mostPaused = 30, 100
	// carry is how long before a day transfers may begin that reach into it, and
	// how far the list of starts goes on after it.
	carry = 12 * time.Hour
)

// scheduleView is the page.
type scheduleView struct {
	Zone *time.Location
	Days []dayTab
	// Day is the one that is shown.
	Day     dayTab
	Charts  []chart
	Next    []catalog.Start
	Paused  []catalog.HostLine
	PausedN int
}

// dayTab is a day to choose.
type dayTab struct {
	Date, Label string
	From, Until time.Time
}

// chart is one server's day.
type chart struct {
	// Server is empty for hosts that have no storage yet.
	Server string
	// Slots is how many transfers it does at once; nil when not known.
	Slots *int
	Load  []catalog.Load
	// Starts and Peak sum up the load.
	Starts int
	Peak   float64
	PeakAt time.Time
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	ctx, now, seen := r.Context(), p.Now(), server.Sees(r)
	system, err := p.Catalog.SystemEffective(ctx)
	if err != nil {
		return err
	}
	v := scheduleView{Zone: time.UTC}
	if zone, err := system.Location(); err == nil {
		v.Zone = zone
	}
	v.Days = tabs(now, v.Zone)
	v.Day = v.Days[0]
	for _, d := range v.Days {
		if d.Date == r.URL.Query().Get("day") {
			v.Day = d
		}
	}
	starts, rooms, paused, err := p.ask(ctx, seen, v.Day, now)
	if err != nil {
		return err
	}
	if seen.All() && len(rooms) == 1 {
		// Hosts without a storage get the only one there is.
		for i := range starts {
			starts[i].Server = rooms[0].Server
		}
	}
	v.Charts = charts(starts, rooms, v.Day)
	for _, s := range starts {
		if s.At.After(now) && !s.At.Before(v.Day.From) && len(v.Next) < mostNext {
			v.Next = append(v.Next, s)
		}
	}
	v.Paused, v.PausedN = paused.Hosts, paused.Total
	return server.Render(w, r, http.StatusOK, showPage(v))
}

// ask reads what the page shows: the starts, which take longest with thousands
// of hosts, beside the rest.
func (p Pages) ask(ctx context.Context, seen catalog.Visible, day dayTab, now time.Time) (
	starts []catalog.Start, rooms []catalog.StorageRoom, paused catalog.HostList, err error,
) {
	var wg sync.WaitGroup
	var startsErr, roomsErr, pausedErr error
	wg.Go(func() { starts, startsErr = p.Catalog.Starts(ctx, seen, day.From.Add(-carry), day.Until.Add(carry)) })
	rooms, roomsErr = p.Catalog.StorageRooms(ctx, seen, now)
	paused, pausedErr = p.Catalog.HostPage(ctx, catalog.HostQuery{
		Visible: seen, Health: []policy.Health{policy.HealthPaused}, Limit: mostPaused, Now: now,
	})
	wg.Wait()
	return starts, rooms, paused, errors.Join(startsErr, roomsErr, pausedErr)
}

// tabs are the days from today on, in a zone: some have 23 or 25 hours.
func tabs(now time.Time, zone *time.Location) []dayTab {
	y, m, d := now.In(zone).Date()
	list := make([]dayTab, weekAhead)
	for i := range list {
		from := time.Date(y, m, d+i, 0, 0, 0, 0, zone)
		list[i] = dayTab{
			Date: from.Format(time.DateOnly), Label: from.Format("Mon 2 Jan"),
			From: from, Until: time.Date(y, m, d+i+1, 0, 0, 0, 0, zone),
		}
	}
	list[0].Label = "Today"
	return list
}

// charts gives the load of each server over a day, those with hosts only.
// Transfers that began before the day count as far as they reach into it.
func charts(starts []catalog.Start, rooms []catalog.StorageRoom, day dayTab) []chart {
	byServer := map[string][]catalog.Start{}
	for _, s := range starts {
		byServer[s.Server] = append(byServer[s.Server], s)
	}
	slots := map[string]*int{}
	for _, room := range rooms {
		slots[room.Server] = room.PullSlots
	}
	var list []chart
	for name, of := range byServer {
		c := chart{Server: name, Slots: slots[name]}
		ahead := int(carry / stretch)
		c.Load = catalog.LoadOver(of, day.From.Add(-carry), day.Until, stretch)[ahead:]
		for _, l := range c.Load {
			c.Starts += l.Starts
			if l.Busy > c.Peak {
				c.Peak, c.PeakAt = l.Busy, l.At
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b chart) int {
		if (a.Server == "") != (b.Server == "") {
			return cmp.Compare(b.Server, a.Server) // those without a storage last
		}
		return cmp.Compare(a.Server, b.Server)
	})
	return list
}

func (p Pages) check(w http.ResponseWriter, r *http.Request) error {
	changes, err := p.Operator.Differences(r.Context())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, checkPage(changes))
}

func (p Pages) sync(w http.ResponseWriter, r *http.Request) error {
	changes, err := p.Operator.Sync(r.Context())
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return server.Redirect(w, r, "/schedule", ui.Good, "The schedules agree with the catalog.")
	}
	return server.Redirect(w, r, "/schedule", ui.Good, "Changed "+ui.Plural(len(changes), "schedule", "schedules")+": they agree with the catalog now.")
}
