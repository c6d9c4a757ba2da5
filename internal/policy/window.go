package policy

import (
	"strings"
	"time"
)

// A Window is when backups may start and run. Without spans it is always open.
// It travels as text.
type Window struct {
	Spans []Span
}

// searchDays is how far openings are looked for: a week, and another one for a
// weekly span that falls into the hour which clocks skip in spring.
const searchDays = 15

// ParseWindow reads spans between semicolons, such as
// "mon-fri 22:00-06:00; sat,sun 00:00-24:00". An empty text is always open.
func ParseWindow(s string) (Window, error) {
	var w Window
	if strings.TrimSpace(s) == "" {
		return w, nil
	}
	for part := range strings.SplitSeq(s, ";") {
		span, err := parseSpan(part)
		if err != nil {
			return Window{}, err
		}
		w.Spans = append(w.Spans, span)
	}
	return w, nil
}

// String gives the text that ParseWindow reads.
func (w Window) String() string {
	parts := make([]string, len(w.Spans))
	for i, s := range w.Spans {
		parts[i] = s.String()
	}
	return strings.Join(parts, "; ")
}

// MarshalText gives what String gives.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Window) UnmarshalText(text []byte) error {
	parsed, err := ParseWindow(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}

// IsAlways tells whether the window never closes.
func (w Window) IsAlways() bool {
	if len(w.Spans) == 0 {
		return true
	}
	segments := w.segments()
	return len(segments) == 1 && segments[0].length() == weekMinutes
}

// Contains tells whether the window is open at t, by the clocks of loc.
func (w Window) Contains(t time.Time, loc *time.Location) bool {
	if len(w.Spans) == 0 {
		return true
	}
	_, open := w.closes(t, loc)
	return open
}

// NextOpen gives the first instant from t on at which the window is open: t
// itself when it is.
func (w Window) NextOpen(t time.Time, loc *time.Location) time.Time {
	if w.Contains(t, loc) {
		return t
	}
	var first time.Time
	today := dateOf(t, loc)
	for i := range searchDays {
		for _, s := range w.Spans {
			opens, _, ok := s.on(today.add(i), loc)
			if ok && opens.After(t) && (first.IsZero() || opens.Before(first)) {
				first = opens
			}
		}
		if !first.IsZero() {
			break
		}
	}
	return first
}

// CloseAfter gives the instant at which the window closes that is open at t,
// or else the one that opens next. It tells false when it never closes.
func (w Window) CloseAfter(t time.Time, loc *time.Location) (time.Time, bool) {
	if len(w.Spans) == 0 {
		return time.Time{}, false
	}
	closes := w.NextOpen(t, loc)
	never := closes.Add((searchDays * Day).Duration())
	for closes.Before(never) {
		next, open := w.closes(closes, loc)
		if !open {
			return closes, true
		}
		closes = next
	}
	return time.Time{}, false
}

// closes gives the latest end among the spans that are open at t.
func (w Window) closes(t time.Time, loc *time.Location) (time.Time, bool) {
	var last time.Time
	for _, s := range w.Spans {
		if end, ok := s.contains(t, loc); ok && end.After(last) {
			last = end
		}
	}
	return last, !last.IsZero()
}
