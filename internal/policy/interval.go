package policy

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// An Interval is a duration as operators write it: "90m", "12h", "1d", "1w".
// A day is always 24 hours. As text it has whole seconds.
type Interval time.Duration

// The units of an Interval.
const (
	Second = Interval(time.Second)
	Minute = Interval(time.Minute)
	Hour   = Interval(time.Hour)
	Day    = 24 * Hour
	Week   = 7 * Day
)

var intervalUnits = []struct {
	letter byte
	size   Interval
}{{'w', Week}, {'d', Day}, {'h', Hour}, {'m', Minute}, {'s', Second}}

// ParseInterval reads a duration made of numbers and the units s, m, h, d and
// w, such as "90m" or "1d12h"; "0" is none at all.
func ParseInterval(s string) (Interval, error) {
	const help = "write a number and a unit, for example 90m, 12h, 1d or 1w"
	if s == "0" {
		return 0, nil
	}
	var total Interval
	rest := s
	for rest != "" {
		digits := 0
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 {
			return 0, refuse("%q is not a duration: %s", s, help)
		}
		if digits == len(rest) {
			return 0, refuse("%q has no unit: %s", s, help)
		}
		var unit Interval
		for _, u := range intervalUnits {
			if u.letter == rest[digits] {
				unit = u.size
			}
		}
		if unit == 0 {
			return 0, refuse("%q has an unknown unit: the units are s, m, h, d and w (seconds, minutes, hours, days, weeks)", s)
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || n > int64((math.MaxInt64-total)/unit) {
			return 0, refuse("%q is too long a duration", s)
		}
		total += Interval(n) * unit
		rest = rest[digits+1:]
	}
	if s == "" {
		return 0, refuse("a duration is empty: %s", help)
	}
	return total, nil
}

// Duration gives the interval for package time.
func (i Interval) Duration() time.Duration { return time.Duration(i) }

// String gives the shortest text that ParseInterval reads back, in the longest
// unit that divides the interval when there is one: "1d", not "24h".
func (i Interval) String() string {
	if i <= 0 {
		return "0"
	}
	for _, u := range intervalUnits {
		if i%u.size == 0 {
			return strconv.FormatInt(int64(i/u.size), 10) + string(u.letter)
		}
	}
	return (i - i%Second + Second).String() // parts of a second count as one
}

// MarshalText gives what String gives.
func (i Interval) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (i *Interval) UnmarshalText(text []byte) error {
	parsed, err := ParseInterval(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}
