package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Start is a backup that the schedule will start.
type Start struct {
	Host ident.Host
	// Server is empty for a host without a storage.
	Server string
	At     time.Time
	// Takes is how long backups of the host take; 0 when that is not known.
	Takes time.Duration
}

// mostStarts bounds what is reckoned for one host: one that is backed up every
// minute of a day is within it.
const mostStarts = 1500

// Starts gives the starts of the enabled hosts of v from one time on until
// before another, in the order of time.
func (s *Store) Starts(ctx context.Context, v Visible, from, until time.Time) ([]Start, error) {
	var c conditions
	c.see(v, "g.name")
	found, err := rows[struct {
		ID, Group, Name, Server string
		TypicalSeconds          *float64
		Timetable               string
	}](ctx, s.pool, `
		select h.id::text as id, g.name as "group", h.name, coalesce(st.server, '') as server, n.typical_seconds, h.timetable::text as timetable
		from hosts h join groups g on g.id = h.group_id left join storages st on st.id = h.storage_id
			left join newest_backups n on n.host_id = h.id
		where h.enabled and h.timetable is not null and `+c.sql(), c.args...)
	if err != nil {
		return nil, s.explain(err)
	}
	var starts []Start
	in := zones{}
	for _, f := range found {
		tt, err := s.timetables.read(f.ID, f.Timetable)
		if err != nil {
			continue // of another version of this program; refreshed at its start
		}
		start := Start{Host: ident.Host{Group: f.Group, Name: f.Name}, Server: f.Server}
		if f.TypicalSeconds != nil {
			start.Takes = time.Duration(*f.TypicalSeconds * float64(time.Second))
		}
		for _, start.At = range startsBetween(tt, in.of(tt), from, until) {
			starts = append(starts, start)
		}
	}
	slices.SortStableFunc(starts, func(a, b Start) int { return a.At.Compare(b.At) })
	return starts, nil
}

// zones are the time zones of timetables by name; nil for those that this
// machine does not know. Reading one takes longer than reckoning with it.
type zones map[string]*time.Location

func (z zones) of(tt policy.Timetable) *time.Location {
	zone, ok := z[tt.Timezone]
	if !ok {
		zone, _ = tt.Location() // nil with an error
		z[tt.Timezone] = zone
	}
	return zone
}

// startsBetween gives the starts of a timetable; none without a zone.
func startsBetween(tt policy.Timetable, zone *time.Location, from, until time.Time) []time.Time {
	if zone == nil {
		return nil
	}
	n := 1
	if tt.Every > 0 {
		n += int(max(0, until.Sub(from)) / tt.Every.Duration())
	}
	for ; ; n *= 2 {
		n = min(n, mostStarts)
		next := tt.NextIn(zone, from.Add(-time.Nanosecond), n)
		end, _ := slices.BinarySearchFunc(next, until, time.Time.Compare)
		if end < n || n == mostStarts {
			return next[:end]
		}
	}
}

// timetables keeps what was read of hosts' rows: reading the text again costs
// more than the query.
type timetables struct {
	mu    sync.Mutex
	known map[string]readTimetable
}

type readTimetable struct {
	text string
	tt   policy.Timetable
}

// read gives the timetable of the host whose row says text.
func (t *timetables) read(hostID, text string) (policy.Timetable, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.known[hostID]; ok && known.text == text {
		return known.tt, nil
	}
	var tt policy.Timetable
	if err := json.Unmarshal([]byte(text), &tt); err != nil {
		return tt, err
	}
	if t.known == nil {
		t.known = map[string]readTimetable{}
	}
	t.known[hostID] = readTimetable{text, tt}
	return tt, nil
}

// Load is what one stretch of time holds of a schedule.
type Load struct {
	At time.Time
	// Starts begin within the stretch; Busy are the transfers expected to be
	// under way, on average over it.
	Starts int
	Busy   float64
}

// LoadOver spreads starts over stretches of a length, from one time on until
// before another: how many transfers are under way if each begins when planned
// and takes as long as usual. One whose length is not known counts as a minute.
func LoadOver(starts []Start, from, until time.Time, each time.Duration) []Load {
	if each <= 0 || !from.Before(until) {
		return nil
	}
	load := make([]Load, (until.Sub(from)+each-1)/each)
	for i := range load {
		load[i].At = from.Add(time.Duration(i) * each)
	}
	for _, s := range starts {
		takes := max(s.Takes, time.Minute)
		first := int(s.At.Sub(from) / each)
		if s.At.Before(from) || first >= len(load) {
			continue
		}
		load[first].Starts++
		for i, end := first, s.At.Add(takes); i < len(load) && load[i].At.Before(end); i++ {
			begin, stop := load[i].At, load[i].At.Add(each)
			if s.At.After(begin) {
				begin = s.At
			}
			if end.Before(stop) {
				stop = end
			}
			load[i].Busy += stop.Sub(begin).Seconds() / each.Seconds()
		}
	}
	return load
}
