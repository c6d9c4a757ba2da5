package schedule

import (
	"fmt"
	"math"
	"time"

	"planb/internal/catalog"
)

// The chart is drawn in a box of this size and stretched to its place. Text in
// it would be stretched too: hours and numbers stand beside it.
const (
	width  = 960.0
	height = 120.0
)

// top is the number of transfers at the upper edge: the slots and the peak fit.
func (c chart) top() float64 {
	top := math.Max(1, math.Ceil(c.Peak))
	if c.Slots != nil {
		top = math.Max(top, float64(*c.Slots)+1)
	}
	return top
}

// mostStarts of a stretch are the height of the bars of starts.
func (c chart) mostStarts() int {
	most := 1
	for _, l := range c.Load {
		most = max(most, l.Starts)
	}
	return most
}

type box struct{ X, Y, W, H, Class, Title string }

func number(v float64) string { return fmt.Sprintf("%.2f", v) }

// busy are the bars of transfers under way, those above the slots in another
// colour.
func (c chart) busy(zone *time.Location) []box {
	step := width / float64(max(1, len(c.Load)))
	list := make([]box, 0, len(c.Load))
	for i, l := range c.Load {
		if l.Busy == 0 && l.Starts == 0 {
			continue
		}
		h := l.Busy / c.top() * height
		class := "bar"
		if c.over(l) {
			class = "bar bar-danger"
		}
		list = append(list, box{
			X: number(float64(i) * step), W: number(step * 0.92), Y: number(height - h), H: number(h), Class: class,
			Title: fmt.Sprintf("%s: %d start, %.1f under way", l.At.In(zone).Format("15:04"), l.Starts, l.Busy),
		})
	}
	return list
}

// over says whether more transfers want to run than may.
func (c chart) over(l catalog.Load) bool { return c.Slots != nil && l.Busy > float64(*c.Slots) }

// starts are the bars of what begins.
func (c chart) starts(zone *time.Location) []box {
	step, most := width/float64(max(1, len(c.Load))), float64(c.mostStarts())
	var list []box
	for i, l := range c.Load {
		if l.Starts == 0 {
			continue
		}
		h := float64(l.Starts) / most * height
		list = append(list, box{
			X: number(float64(i) * step), W: number(step * 0.92), Y: number(height - h), H: number(h), Class: "bar bar-secondary",
			Title: fmt.Sprintf("%s: %d start", l.At.In(zone).Format("15:04"), l.Starts),
		})
	}
	return list
}

// limit is where the line of the slots is; empty without.
func (c chart) limit() string {
	if c.Slots == nil {
		return ""
	}
	return number(height - float64(*c.Slots)/c.top()*height)
}

// hours are the marks below the chart, every three hours from midnight.
func hours(day dayTab) []string {
	var list []string
	for t := day.From; t.Before(day.Until); t = t.Add(3 * time.Hour) {
		list = append(list, t.Format("15:04"))
	}
	return list
}

// line of now on the chart; empty on another day.
func nowLine(day dayTab, now time.Time) string {
	if now.Before(day.From) || !now.Before(day.Until) {
		return ""
	}
	return number(now.Sub(day.From).Seconds() / day.Until.Sub(day.From).Seconds() * width)
}

// busyHour is a line of the table that tells the same as the chart.
type busyHour struct {
	At     time.Time
	Starts int
	Busy   float64
	Over   bool
}

// hourly sums the load up by hours, those in which something happens.
func (c chart) hourly() []busyHour {
	per := int(time.Hour / stretch)
	var list []busyHour
	for i := 0; i < len(c.Load); i += per {
		h := busyHour{At: c.Load[i].At}
		for _, l := range c.Load[i:min(i+per, len(c.Load))] {
			h.Starts += l.Starts
			h.Busy = math.Max(h.Busy, l.Busy)
			h.Over = h.Over || c.over(l)
		}
		if h.Starts > 0 || h.Busy > 0 {
			list = append(list, h)
		}
	}
	return list
}
