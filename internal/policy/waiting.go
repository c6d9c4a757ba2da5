package policy

import "time"

// minRetry keeps the tries of hosts with short intervals apart.
const minRetry = time.Minute

// NextTry says when a run that a pre-check has put off is tried again: after a
// 24th of the interval. It tells false when the run should fail instead, since
// MaxWait has passed from the last good snapshot on, or from the start of the
// run where there is none, or one that is dated ahead of now. The last try is at
// that very moment.
func (e Effective) NextTry(now, started time.Time, lastGood *time.Time) (time.Time, bool) {
	since := started
	if lastGood != nil && !IsFuture(*lastGood, now) {
		since = *lastGood
	}
	deadline := since.Add(e.MaxWait.Value.Duration())
	if !now.Before(deadline) {
		return time.Time{}, false
	}
	next := now.Add(max(e.Every.Value.Duration()/24, minRetry))
	if next.After(deadline) {
		next = deadline
	}
	return next, true
}

// A Priority orders runs that wait for a free slot: the lowest first. Its
// values are those of Temporal's priority keys.
type Priority int

// The priorities.
const (
	PriorityByHand  Priority = 1 // a person waits for it
	PriorityUrgent  Priority = 2 // a backup is missing
	PriorityRegular Priority = 3
)

// PriorityOf gives the priority of a backup: by hand before scheduled, and
// among the scheduled first those of hosts that have no good snapshot younger
// than twice the longest gap of their timetable, as far as that can be told.
func PriorityOf(byHand bool, lastGood *time.Time, longestGap time.Duration, now time.Time) Priority {
	switch {
	case byHand:
		return PriorityByHand
	case lastGood == nil || IsFuture(*lastGood, now) || now.Sub(*lastGood) >= 2*longestGap:
		return PriorityUrgent
	}
	return PriorityRegular
}
