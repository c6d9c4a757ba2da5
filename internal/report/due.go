package report

import "time"

const (
	// newcomer is how far into a month the one before is reported where none ever
	// was: whoever begins later in a month is not surprised by reports of the last.
	newcomer = 7 * 24 * time.Hour
	// mostMonths is how many months are made up for after an outage.
	mostMonths = 3
)

// DueMonths gives the months of a group, the oldest first, that are over in its
// zone and that have to be reported unless they were. Created is when the group
// was made; first the first month that was ever reported, of any group; nil where
// none was.
func DueMonths(now time.Time, zone *time.Location, created time.Time, first *Month) []Month {
	var due []Month
	m := MonthOf(now.In(zone)).Before()
	for range mostMonths {
		_, until := m.Span(zone)
		if !created.Before(until) {
			break
		}
		begun := first != nil && !m.First().Before(first.First())
		if !begun && now.Sub(until) > newcomer {
			break
		}
		due = append([]Month{m}, due...)
		if !begun {
			break
		}
		m = m.Before()
	}
	return due
}
