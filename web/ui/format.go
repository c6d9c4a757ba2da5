package ui

import (
	"fmt"
	"strconv"
	"time"
)

// Bytes gives a size as people read it, in powers of 1024.
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 6 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGTPE"[unit])
}

// BytesPtr is Bytes, or a dash for what is not known.
func BytesPtr(n *int64) string {
	if n == nil {
		return "–"
	}
	return Bytes(*n)
}

// Count gives a number with thin spaces between thousands.
func Count[N ~int | ~int32 | ~int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	out := ""
	for len(s) > 3 {
		out, s = "\u202f"+s[len(s)-3:]+out, s[:len(s)-3]
	}
	return sign + s + out
}

// Plural gives "1 host", "2 hosts".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Duration gives how long something took in at most two units: "3m 20s".
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
}

// Since tells t from now in one unit: "5 min ago", "in 3 h".
func Since(t, now time.Time) string {
	d := now.Sub(t)
	past := d >= 0
	if !past {
		d = -d
	}
	var text string
	switch {
	case d < 45*time.Second:
		return "just now"
	case d < 90*time.Minute:
		text = fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute)/time.Minute)))
	case d < 36*time.Hour:
		text = fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	case d < 60*24*time.Hour:
		text = fmt.Sprintf("%d days", int((d+12*time.Hour)/(24*time.Hour)))
	default:
		return t.UTC().Format(time.DateOnly)
	}
	if past {
		return text + " ago"
	}
	return "in " + text
}

// Stamp gives a time to the minute, in UTC, as the command line's snapshots are.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
