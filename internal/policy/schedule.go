package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// The hour in which most zones change their clocks. A start planned in it does
// not happen one night a year, so intervals of a day and more avoid it.
const (
	changeFrom = 2 * 60
	changeTo   = 3 * 60
)

// Timetable says when the backups of a host start. The key is one that never
// changes, the host's id: it spreads hosts over the time there is, always in
// the same way.
//
// Within a window, starts are spread over the first half of it, so that the
// second half is left for the work. A window that a week opens several times
// has at least one start each time.
//
//   - Less than a day: with a window, a start soon after it opens and again
//     each interval while it is open; without one, every interval.
//   - A day: one time of day, on as many days as the window allows; and for an
//     opening that this time misses, a start of its own.
//   - A week: the same, on one of those days.
//   - Everything else: every interval in absolute time, beginning inside the
//     window by standard time. A start that falls outside it waits.
func (e Effective) Timetable(key string) Timetable {
	tt := Timetable{
		Timezone: e.Timezone.Value,
		Every:    e.Every.Value,
		Window:   e.Window.Value,
		CatchUp:  e.CatchUp.Value,
	}
	s := scheduler{key: key, every: tt.Every, window: tt.Window}
	switch {
	case tt.Every < Day && !tt.Window.IsAlways():
		tt.Calendar = calendar(s.repeated())
	case tt.Every == Day:
		tt.Calendar = calendar(s.daily())
	case tt.Every == Week:
		tt.Calendar = calendar(s.weekly())
	default:
		tt.Phase = s.phase(tt.Timezone)
	}
	return tt
}

// scheduler finds starts as minutes of a week that begins on Monday.
type scheduler struct {
	key    string
	every  Interval
	window Window
}

// pick gives a number from 0 to n-1 that is always the same for this host and
// purpose, and evenly spread over hosts.
func (s scheduler) pick(purpose string, n int) int {
	sum := sha256.Sum256([]byte(s.key + "\x00" + purpose))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(n))
}

// repeated gives the starts for intervals of less than a day.
func (s scheduler) repeated() []int {
	every := int(s.every / Minute)
	var starts []int
	for _, seg := range s.window.segments() {
		spread := max(1, min(every, seg.length()/2))
		for m := seg.from + s.pick("offset", spread); m < seg.to; m += every {
			starts = append(starts, m)
		}
	}
	return starts
}

// daily gives about one start for each day on which the window is open.
func (s scheduler) daily() []int {
	open := s.window.openMinutes()
	minute := s.timeOfDay(open)
	var starts []int
	for day := range 7 {
		if m := day*dayMinutes + minute; open[m] {
			starts = append(starts, m)
		}
	}
	for _, seg := range runs(open) {
		if !slices.ContainsFunc(starts, seg.holds) {
			starts = append(starts, seg.from+s.choose(seg.from, seg.length()))
		}
	}
	return starts
}

// timeOfDay gives a minute of the day at which the window is open on as many
// days as possible, in the first half of the longest stretch of such minutes.
func (s scheduler) timeOfDay(open []bool) int {
	var days [dayMinutes]int
	for m, isOpen := range open {
		if isOpen {
			days[m%dayMinutes]++
		}
	}
	most := slices.Max(days[:])
	best := make([]bool, dayMinutes)
	for m, n := range days {
		best[m] = n == most
	}
	longest := slices.MaxFunc(runs(best), func(a, b segment) int { return cmp.Compare(a.length(), b.length()) })
	return (longest.from + s.choose(longest.from, longest.length())) % dayMinutes
}

// choose gives an offset into a stretch of so many minutes that begins at from:
// in its first half, or anywhere in it when it is the whole day; outside the
// hour of changing clocks where the stretch has room.
func (s scheduler) choose(from, length int) int {
	first := (length + 1) / 2
	if length == dayMinutes {
		first = length
	}
	for _, most := range []int{first, length} {
		var offsets []int
		for offset := range most {
			if m := (from + offset) % dayMinutes; m < changeFrom || m >= changeTo {
				offsets = append(offsets, offset)
			}
		}
		if len(offsets) > 0 {
			return offsets[s.pick("offset", len(offsets))]
		}
	}
	return s.pick("offset", first)
}

func (s scheduler) weekly() []int {
	starts := s.daily()
	return []int{starts[s.pick("weekday", len(starts))]}
}

// phase gives the phase of an interval in absolute time. By standard time, the
// earlier of a zone's two, the first start lies where a daily one would; summer
// moves it to an hour later and so further into the window, not before it.
func (s scheduler) phase(zone string) Interval {
	if s.every < Day {
		return Interval(s.pick("offset", int(s.every/Minute))) * Minute
	}
	first := Interval(s.weekly()[0]) * Minute // after Monday 00:00
	if s.every%Week == 0 {
		first += Interval(s.pick("week", int(s.every/Week))) * Week
	} else {
		first = first%Day + Interval(s.pick("day", int(s.every/Day)))*Day
	}
	const epochToMonday = 4 * Day // 1 January 1970 was a Thursday
	phase := (epochToMonday + first - standardOffset(zone)) % s.every
	if phase < 0 {
		phase += s.every
	}
	return phase
}

// standardOffset gives how far the zone is ahead of UTC in winter. A zone not
// known here counts as UTC; it is refused where settings are checked.
func standardOffset(zone string) Interval {
	loc, err := loadZone(zone)
	if err != nil {
		return 0
	}
	_, january := time.Date(2026, 1, 15, 12, 0, 0, 0, loc).Zone()
	_, july := time.Date(2026, 7, 15, 12, 0, 0, 0, loc).Zone()
	return Interval(min(january, july)) * Second
}

// calendar gathers minutes of the week by their time of day.
func calendar(minutes []int) []CalendarTime {
	// By minute of the day; workflows use this, so there is no map to walk.
	var days [dayMinutes]Weekdays
	for _, m := range minutes {
		m %= weekMinutes
		days[m%dayMinutes] |= On(weekday(m / dayMinutes))
	}
	var times []CalendarTime
	for m, set := range days {
		if set != 0 {
			times = append(times, CalendarTime{Days: set, Hour: m / 60, Minute: m % 60})
		}
	}
	return times
}
