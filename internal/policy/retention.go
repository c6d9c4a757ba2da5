package policy

import (
	"strconv"
	"strings"
)

// Retention is how many snapshots of each period are kept: the newest good one
// of each of the last so many hours, days, … that have one.
type Retention struct {
	Hourly, Daily, Weekly, Monthly, Yearly int
}

// maxKept bounds one count; more than that is a slip of the finger.
const maxKept = 9999

// ParseRetention reads "16d,4w,12m,2y": counts with the letters h, d, w, m and
// y for hours, days, weeks, months and years, each at most once, in any order.
func ParseRetention(s string) (Retention, error) {
	const example = "for example 16d,4w,12m,2y"
	var r Retention
	seen := map[byte]bool{}
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			return Retention{}, refuse("%q is not a retention: write counts with letters between commas, %s", s, example)
		}
		letter := part[len(part)-1]
		digits := part[:len(part)-1]
		period := r.count(letter)
		if period == nil {
			return Retention{}, refuse("%q has an unknown retention letter: the letters are h, d, w, m and y (hours, days, weeks, months, years), %s", part, example)
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n > maxKept {
			return Retention{}, refuse("%q needs a number from 0 to %d before its letter, %s", part, maxKept, example)
		}
		if seen[letter] {
			return Retention{}, refuse("%q names the letter %c twice: give each letter once, %s", s, letter, example)
		}
		seen[letter] = true
		*period = int(n)
	}
	if r == (Retention{}) {
		return Retention{}, refuse("%q keeps nothing: keep at least one snapshot, %s", s, example)
	}
	return r, nil
}

func (r *Retention) count(letter byte) *int {
	switch letter {
	case 'h':
		return &r.Hourly
	case 'd':
		return &r.Daily
	case 'w':
		return &r.Weekly
	case 'm':
		return &r.Monthly
	case 'y':
		return &r.Yearly
	}
	return nil
}

// Total is the most snapshots that the counts alone can keep.
func (r Retention) Total() int { return r.Hourly + r.Daily + r.Weekly + r.Monthly + r.Yearly }

// String gives the text that ParseRetention reads, from hours to years,
// without counts of zero.
func (r Retention) String() string {
	var parts []string
	for _, letter := range []byte("hdwmy") {
		if n := *r.count(letter); n > 0 {
			parts = append(parts, strconv.Itoa(n)+string(letter))
		}
	}
	return strings.Join(parts, ",")
}

// MarshalText gives what String gives.
func (r Retention) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote; an empty text is the zero value.
func (r *Retention) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Retention{}
		return nil
	}
	parsed, err := ParseRetention(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
