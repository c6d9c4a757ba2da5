package billing

import (
	"fmt"
	"time"
)

// Day is a day of the calendar, written as 2026-11-27. Days compare as strings.
type Day string

// DayOf is the day that it is at the time t in a zone.
func DayOf(t time.Time, zone *time.Location) Day { return Day(t.In(zone).Format(time.DateOnly)) }

// ParseDay reads a day.
func ParseDay(text string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", fmt.Errorf("%.40q is no day: write it as 2026-11-27", text)
	}
	return Day(text), nil
}

// IsFirst says whether it is the first of a month.
func (d Day) IsFirst() bool { return len(d) == len(time.DateOnly) && d[8:] == "01" }

// Add gives the day n days later.
func (d Day) Add(n int) Day { return Day(d.in(time.UTC).AddDate(0, 0, n).Format(time.DateOnly)) }

// End is when the next day begins in a zone.
func (d Day) End(zone *time.Location) time.Time { return d.Add(1).in(zone) }

func (d Day) in(zone *time.Location) time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, string(d), zone) // ParseDay and DayOf make no others
	return t
}

// ParseMonth reads a month, written as 2026-11, and gives its first day and
// that of the next.
func ParseMonth(text string) (first, next Day, err error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return "", "", fmt.Errorf("%.40q is no month: write it as 2026-11", text)
	}
	return DayOf(t, time.UTC), DayOf(t.AddDate(0, 1, 0), time.UTC), nil
}
