package policy

import (
	"slices"
	"time"
)

// A Timetable says when the backups of one host start. Either Calendar holds
// times of the week, or starts are at Phase and every Every after the Unix
// epoch.
type Timetable struct {
	// Calendar is empty when the starts do not follow the calendar. It has one
	// entry per time of day, in the order of the day.
	Calendar []CalendarTime `json:"calendar,omitempty"`
	// Timezone is the zone of Calendar and of Window.
	Timezone string `json:"timezone"`
	// Every is the interval of the policy.
	Every Interval `json:"every"`
	// Phase is from 0 to less than Every; it counts only without a Calendar.
	Phase Interval `json:"phase"`
	// Window is that of the policy. A start outside it, which an interval of
	// several days can have, waits for the window to open.
	Window Window `json:"window"`
	// CatchUp is how late a start that was missed may still happen.
	CatchUp Interval `json:"catch_up"`
}

// A CalendarTime is a time of day on certain days of the week.
type CalendarTime struct {
	Days   Weekdays `json:"days"`
	Hour   int      `json:"hour"`
	Minute int      `json:"minute"`
}

// Next gives the next n starts after t, as Temporal makes them: a time of day
// that clocks skip is left out, and one that they show twice happens twice. The
// error says that the time zone is not known on this machine.
func (tt Timetable) Next(t time.Time, n int) ([]time.Time, error) {
	loc, err := tt.Location()
	if err != nil {
		return nil, err
	}
	return tt.NextIn(loc, t, n), nil
}

// Location is the time zone, read from this machine's files each time.
func (tt Timetable) Location() (*time.Location, error) { return loadZone(tt.Timezone) }

// NextIn is Next for whoever has the Location of many timetables at hand.
func (tt Timetable) NextIn(loc *time.Location, t time.Time, n int) []time.Time {
	if len(tt.Calendar) > 0 {
		return tt.nextOfCalendar(t, n, loc)
	}
	return tt.nextOfInterval(t, n, loc)
}

func (tt Timetable) nextOfCalendar(t time.Time, n int, loc *time.Location) []time.Time {
	var next []time.Time
	const longest = 30 // days without a start, in any timetable
	for d, idle := dateOf(t, loc), 0; len(next) < n && idle < longest; d, idle = d.add(1), idle+1 {
		for _, at := range tt.startsOn(d, loc) {
			if at.After(t) && len(next) < n {
				next = append(next, at)
				idle = 0
			}
		}
	}
	return next
}

// startsOn gives the starts of one date in the order of time.
func (tt Timetable) startsOn(d date, loc *time.Location) []time.Time {
	var starts []time.Time
	for _, c := range tt.Calendar {
		minute := c.Hour*60 + c.Minute
		if !c.Days.Has(d.weekday()) || !d.exists(minute, loc) {
			continue
		}
		first, second := d.at(minute, loc, false), d.at(minute, loc, true)
		starts = append(starts, first)
		if !second.Equal(first) {
			starts = append(starts, second)
		}
	}
	slices.SortFunc(starts, time.Time.Compare)
	return starts
}

func (tt Timetable) nextOfInterval(t time.Time, n int, loc *time.Location) []time.Time {
	var next []time.Time
	every, phase := tt.Every.Duration(), tt.Phase.Duration()
	if every <= 0 {
		return nil
	}
	// From one interval back, since a start may be waiting for the window now.
	since := t.Sub(time.Unix(0, 0).Add(phase)).Truncate(every) - every
	for at := time.Unix(0, 0).Add(phase + since); len(next) < n; at = at.Add(every) {
		start := tt.Window.NextOpen(at, loc).In(loc)
		if start.IsZero() { // a window that is never open has no starts
			return next
		}
		if start.After(t) && (len(next) == 0 || start.After(next[len(next)-1])) {
			next = append(next, start)
		}
	}
	return next
}

// LongestGap is the longest time between two starts that the timetable plans,
// such as a weekend outside the window: what the age of a backup is measured
// against. Changes of the clocks are not counted.
func (tt Timetable) LongestGap() time.Duration {
	if len(tt.Calendar) == 0 {
		return tt.Every.Duration() + tt.Window.longestClosed()
	}
	starts := tt.minutesOfWeek()
	longest := starts[0] + weekMinutes - starts[len(starts)-1]
	for i := 1; i < len(starts); i++ {
		longest = max(longest, starts[i]-starts[i-1])
	}
	return max(time.Duration(longest)*time.Minute, tt.Every.Duration())
}

func (tt Timetable) minutesOfWeek() []int {
	var starts []int
	for _, c := range tt.Calendar {
		for _, d := range c.Days.List() {
			starts = append(starts, position(d)*dayMinutes+c.Hour*60+c.Minute)
		}
	}
	slices.Sort(starts)
	return starts
}

// longestClosed is the longest stretch of a week during which the window is
// closed.
func (w Window) longestClosed() time.Duration {
	open := w.openMinutes()
	for m := range open {
		open[m] = !open[m]
	}
	longest := 0
	for _, closed := range runs(open) {
		longest = max(longest, closed.length())
	}
	return time.Duration(longest) * time.Minute
}
