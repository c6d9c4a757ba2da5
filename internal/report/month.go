package report

import (
	"fmt"
	"time"
)

// Month is a month of a year, written 2026-11.
type Month struct {
	year  int
	month time.Month
}

// monthLayout is how a month is written.
const monthLayout = "2006-01"

// ParseMonth reads a month.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil {
		return Month{}, fmt.Errorf("%.20q is no month: write it as 2026-11", s)
	}
	return MonthOf(t), nil
}

// MonthOf gives the month that t is in, in the zone of t.
func MonthOf(t time.Time) Month { return Month{t.Year(), t.Month()} }

// Before gives the month before.
func (m Month) Before() Month { return MonthOf(m.First().AddDate(0, -1, 0)) }

// First gives the first day as a date: midnight in UTC.
func (m Month) First() time.Time { return time.Date(m.year, m.month, 1, 0, 0, 0, 0, time.UTC) }

// Span gives when the month begins and ends in a zone.
func (m Month) Span(zone *time.Location) (from, until time.Time) {
	return time.Date(m.year, m.month, 1, 0, 0, 0, 0, zone), time.Date(m.year, m.month+1, 1, 0, 0, 0, 0, zone)
}

// String writes it as ParseMonth reads it.
func (m Month) String() string { return m.First().Format(monthLayout) }

// Words writes it as people say it: November 2026.
func (m Month) Words() string { return m.First().Format("January 2006") }
