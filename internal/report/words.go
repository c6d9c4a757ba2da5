package report

import (
	"fmt"
	"strconv"
	"time"
)

// none stands for what is not known.
const none = "-"

// size gives bytes as people read them, in powers of 1024.
func size(n int64) string {
	if n < 0 {
		return "-" + size(-n)
	}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 6 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGTPE"[unit])
}

func sizePtr(n *int64) string {
	if n == nil {
		return none
	}
	return size(*n)
}

// change gives a difference of bytes with its sign.
func change(n int64) string {
	if n > 0 {
		return "+" + size(n)
	}
	return size(n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// clock tells times in the zone of the reader.
type clock struct {
	now  time.Time
	zone *time.Location
}

func (c clock) stamp(t time.Time) string { return t.In(c.zone).Format("2006-01-02 15:04") }

func (c clock) stampPtr(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return c.stamp(*t)
}

// full is stamp with the name of the zone.
func (c clock) full(t time.Time) string { return t.In(c.zone).Format("2006-01-02 15:04 MST") }

// age gives how long ago t was, in one unit.
func (c clock) age(t time.Time) string {
	d := c.now.Sub(t)
	if d < 0 {
		return "yet to come"
	}
	return span(d) + " ago"
}

// span gives a time that passed in one unit.
func span(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d days", int((d+12*time.Hour)/(24*time.Hour)))
}
