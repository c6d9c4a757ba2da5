package policy

// A segment is a stretch of a week during which a window is open without a
// break, in minutes after the start of Monday. It may run into the next week.
type segment struct {
	from, to int // 0 ≤ from < weekMinutes, from < to ≤ from+weekMinutes
}

func (s segment) length() int { return s.to - s.from }

// holds tells whether the minute of the week lies in the segment.
func (s segment) holds(minute int) bool {
	return s.from <= minute && minute < s.to || minute+weekMinutes < s.to
}

// openMinutes gives for each minute of a week whether the window is open.
func (w Window) openMinutes() []bool {
	open := make([]bool, weekMinutes)
	for _, s := range w.Spans {
		for _, d := range s.Days.List() {
			for m := s.From; m < s.To; m++ {
				open[(position(d)*dayMinutes+m)%weekMinutes] = true
			}
		}
	}
	if len(w.Spans) == 0 {
		for m := range open {
			open[m] = true
		}
	}
	return open
}

// segments merges the spans of the window into the stretches of an ordinary
// week, in the order in which they start.
func (w Window) segments() []segment {
	return runs(w.openMinutes())
}

// runs gives the unbroken stretches of a circle.
func runs(open []bool) []segment {
	n := len(open)
	var found []segment
	for m := range n {
		if !open[m] || open[(m+n-1)%n] {
			continue
		}
		to := m + 1
		for open[to%n] {
			to++
		}
		found = append(found, segment{m, to})
	}
	if found == nil && open[0] {
		found = []segment{{0, n}}
	}
	return found
}
