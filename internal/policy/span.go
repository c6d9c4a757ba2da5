package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// A Span is a stretch of the clock on certain weekdays, in a time zone given
// with each question. It belongs to the day it starts on: "fri 22:00-06:00"
// ends on Saturday.
type Span struct {
	Days Weekdays
	// From and To are minutes after midnight, 0 ≤ From < 1440 and
	// From < To ≤ From+1440; a To above 1440 lies on the next day.
	From, To int
}

// parseSpan reads "22:00-06:00", "mon-fri 22:00-06:00" or "sat,sun".
func parseSpan(s string) (Span, error) {
	const help = "write for example 22:00-06:00 or mon-fri 22:00-06:00"
	fields := strings.Fields(s)
	span := Span{Days: EveryDay, To: dayMinutes}
	if len(fields) == 0 || len(fields) > 2 {
		return Span{}, refuse("%q is not a time of day: %s", s, help)
	}
	if len(fields) == 2 || !startsWithDigit(fields[0]) {
		days, err := ParseWeekdays(fields[0])
		if err != nil {
			return Span{}, err
		}
		span.Days = days
		fields = fields[1:]
	}
	if len(fields) == 0 {
		return span, nil
	}
	first, last, isRange := strings.Cut(fields[0], "-")
	from, ok1 := parseClock(first)
	to, ok2 := parseClock(last)
	switch {
	case !isRange || !ok1 || !ok2 || from == dayMinutes:
		return Span{}, refuse("%q is not a time of day: %s", s, help)
	case from == to:
		return Span{}, refuse("%q starts and ends at the same time: for the whole day write 00:00-24:00", s)
	case to < from:
		to += dayMinutes
	}
	span.From, span.To = from, to
	return span, nil
}

func startsWithDigit(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// parseClock reads "6:00" to "24:00" as minutes after midnight.
func parseClock(s string) (int, bool) {
	hours, minutes, found := strings.Cut(s, ":")
	h, err1 := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	total := int(h)*60 + int(m)
	ok := found && err1 == nil && err2 == nil && len(hours) <= 2 && len(minutes) == 2 && m < 60 && total <= dayMinutes
	return total, ok
}

func formatClock(minutes int) string {
	if minutes > dayMinutes {
		minutes -= dayMinutes
	}
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// String gives the text that parseSpan reads.
func (s Span) String() string {
	clock := formatClock(s.From) + "-" + formatClock(s.To)
	if s.Days == EveryDay {
		return clock
	}
	return s.Days.String() + " " + clock
}

// on gives the instants between which the span is open that begins on the
// date. It opens at the first moment that its clock time is reached and closes
// at the last one, so that the hour which happens twice in autumn is inside.
func (s Span) on(d date, loc *time.Location) (opens, closes time.Time, ok bool) {
	if !s.Days.Has(d.weekday()) {
		return time.Time{}, time.Time{}, false
	}
	opens = d.at(s.From, loc, false)
	closes = d.at(s.To, loc, true)
	return opens, closes, opens.Before(closes)
}

// contains tells whether t lies in the span, and when that ends.
func (s Span) contains(t time.Time, loc *time.Location) (closes time.Time, ok bool) {
	today := dateOf(t, loc)
	for _, d := range []date{today.add(-1), today} {
		opens, closes, ok := s.on(d, loc)
		if ok && !t.Before(opens) && t.Before(closes) {
			return closes, true
		}
	}
	return time.Time{}, false
}
