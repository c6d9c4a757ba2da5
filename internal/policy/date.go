package policy

import "time"

// A date is a day of the calendar, without a time zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time, loc *time.Location) date {
	y, m, d := t.In(loc).Date()
	return date{y, m, d}
}

func (d date) add(days int) date {
	return dateOf(time.Date(d.year, d.month, d.day+days, 12, 0, 0, 0, time.UTC), time.UTC)
}

func (d date) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC).Weekday()
}

// at gives the instant at which clocks in loc show so many minutes after the
// midnight that begins the date; 1440 and more lie on the next day. A time that
// clocks skip becomes the moment of the change. Of a time that clocks show
// twice, late asks for the second. (time.Date leaves both cases open.)
func (d date) at(minutes int, loc *time.Location, late bool) time.Time {
	t := time.Date(d.year, d.month, d.day, 0, minutes, 0, 0, loc)
	want := time.Date(d.year, d.month, d.day, 0, minutes, 0, 0, time.UTC)
	start, end := t.ZoneBounds()
	if shown := wall(t); !shown.Equal(want) {
		if shown.After(want) {
			return start
		}
		return end
	}
	if late {
		if twin := twinAcross(t, end, end); !twin.IsZero() && !twin.Before(end) {
			return twin
		}
	} else if twin := twinAcross(t, start, start.Add(-1)); !twin.IsZero() && twin.Before(start) {
		return twin
	}
	return t
}

// exists tells whether clocks in loc show that time on the date at all.
func (d date) exists(minutes int, loc *time.Location) bool {
	t := time.Date(d.year, d.month, d.day, 0, minutes, 0, 0, loc)
	return wall(t).Equal(time.Date(d.year, d.month, d.day, 0, minutes, 0, 0, time.UTC))
}

// twinAcross gives the instant that would show the same clock time as t under
// the offset that is in force at other, which lies across a change of the
// clocks; nothing when there is no such change.
func twinAcross(t, change, other time.Time) time.Time {
	if change.IsZero() {
		return time.Time{}
	}
	_, here := t.Zone()
	_, there := other.Zone()
	return t.Add(time.Duration(here-there) * time.Second)
}

// wall gives what clocks show at t, written down as if it were UTC, so that two
// of them can be compared.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
