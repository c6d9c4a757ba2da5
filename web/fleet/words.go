package fleet

import (
	"fmt"
	"strings"

	"planb/internal/policy"
	"planb/web/ui"
)

// ended counts the backups of the last day that were not skipped.
func ended(a attention) int {
	n := 0
	for state, count := range a.Since {
		if state != policy.StateSkipped {
			n += count
		}
	}
	return n
}

// went says how those went that did not go well.
func went(a attention) string {
	var parts []string
	for _, state := range []string{policy.StateFailed, policy.StatePartial, policy.StateWarning, policy.StateCancelled} {
		if n := a.Since[state]; n > 0 {
			parts = append(parts, ui.Count(n)+" "+state)
		}
	}
	if len(parts) == 0 {
		return ", all well"
	}
	return ": " + strings.Join(parts, ", ")
}

// allWell is what the page says when nothing needs a person.
func allWell(a attention) string {
	paused := a.Health[policy.HealthPaused]
	if paused == a.All() {
		return "Nothing needs you; but all hosts are disabled."
	}
	text := fmt.Sprintf("Nothing needs you: %s have a good backup in time.", ui.Plural(a.All()-paused, "host", "hosts"))
	if a.All()-paused == 1 {
		text = "Nothing needs you: the host has a good backup in time."
	}
	return text
}

// countRuns says how many runs are under way.
func countRuns(v running) string {
	if v.more {
		return fmt.Sprintf("more than %d runs", len(v.runs))
	}
	return ui.Plural(len(v.runs), "run", "runs")
}

// full says how full a storage is.
func full(used, size int64) string {
	if size <= 0 {
		return "–"
	}
	return fmt.Sprintf("%d %%", 100*used/size)
}

// growth says how many bytes more are used each day.
func growth(perDay *float64) string {
	switch {
	case perDay == nil:
		return "not known yet"
	case *perDay < 0:
		return "shrinks by " + ui.Bytes(int64(-*perDay)) + " a day"
	case *perDay < 1:
		return "does not grow"
	}
	return ui.Bytes(int64(*perDay)) + " a day"
}
