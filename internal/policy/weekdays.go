package policy

import (
	"strings"
	"time"
)

// Weekdays is a set of days of the week.
type Weekdays uint8

// EveryDay is the set of all seven days.
const EveryDay Weekdays = 1<<7 - 1

// On gives the set that holds just these days.
func On(days ...time.Weekday) Weekdays {
	var w Weekdays
	for _, d := range days {
		w |= 1 << d
	}
	return w
}

// Has tells whether the day is in the set.
func (w Weekdays) Has(d time.Weekday) bool { return w&(1<<d) != 0 }

// List gives the days from Monday to Sunday.
func (w Weekdays) List() []time.Weekday {
	var days []time.Weekday
	for i := range 7 {
		if d := weekday(i); w.Has(d) {
			days = append(days, d)
		}
	}
	return days
}

// weekday gives the day that stands at position i of a week that begins on
// Monday.
func weekday(i int) time.Weekday { return time.Weekday((i + 1) % 7) }

// position is the inverse of weekday.
func position(d time.Weekday) int { return (int(d) + 6) % 7 }

func short(d time.Weekday) string { return strings.ToLower(d.String()[:3]) }

// String gives "mon-fri" or "tue,sat": from Monday on, three days or more in a
// row as a range. All seven are "mon-sun".
func (w Weekdays) String() string {
	var parts []string
	days := w.List()
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && position(days[j+1]) == position(days[j])+1 {
			j++
		}
		if j-i >= 2 {
			parts = append(parts, short(days[i])+"-"+short(days[j]))
		} else {
			for ; i <= j; i++ {
				parts = append(parts, short(days[i]))
			}
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// MarshalText gives what String gives.
func (w Weekdays) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what ParseWeekdays reads; an empty text is no day.
func (w *Weekdays) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*w = 0
		return nil
	}
	parsed, err := ParseWeekdays(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}

// ParseWeekdays reads "mon-fri", "sat,sun" or "fri-mon".
func ParseWeekdays(s string) (Weekdays, error) {
	var w Weekdays
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := parseDay(first)
		to := from
		if ok && isRange {
			to, ok = parseDay(last)
		}
		if !ok {
			return 0, refuse("%q is not a set of weekdays: use mon, tue, wed, thu, fri, sat and sun, for example mon-fri or sat,sun", s)
		}
		for d := from; ; d = (d + 1) % 7 {
			w |= 1 << d
			if d == to {
				break
			}
		}
	}
	return w, nil
}

func parseDay(s string) (time.Weekday, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	for d := range time.Weekday(7) {
		if s == short(d) || s == strings.ToLower(d.String()) {
			return d, true
		}
	}
	return 0, false
}
