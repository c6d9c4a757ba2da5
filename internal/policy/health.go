package policy

import "time"

// Health is how a host is doing: the age of its last good snapshot measured
// against its schedule.
type Health string

// The states of health.
const (
	HealthOK      Health = "ok"
	HealthLate    Health = "late"
	HealthFailing Health = "failing"
	HealthNever   Health = "never"
	HealthPaused  Health = "paused"
)

// HealthInput is what the health of a host follows from.
type HealthInput struct {
	// LastGood is the time of the last good snapshot; nil when there is none.
	LastGood *time.Time
	// LastRunState is the state of the last run that ended; empty when none did.
	LastRunState string
	Enabled      bool
	// Suspect says that a suspect snapshot waits for a decision.
	Suspect bool
	// Disproven says that the last verification found files in the backup that
	// are not as they have to be.
	Disproven bool
	// PausedReason, when set, says why the schedule is paused.
	PausedReason string
	// Every is the longest time between two backups that the schedule plans:
	// Timetable.LongestGap.
	Every time.Duration
	// Grace is how much later than that a backup may be done; 0 is DefaultGrace.
	Grace time.Duration
	Now   time.Time
}

// DefaultGrace is how late a backup may be without a word: a quarter of the
// interval, at least a quarter of an hour and at most a day.
func DefaultGrace(every time.Duration) time.Duration {
	return min(max(every/4, 15*time.Minute), 24*time.Hour)
}

// HealthOf gives the health of a host. One with a suspect snapshot that nobody
// has decided about is failing: its backups go on, but none of them may be
// worth anything. So is one whose backups a verification has found to be other
// than they have to be. One that is overdue is failing when its
// last run went wrong or when a second backup is missing as well; otherwise it
// is late. One that is not overdue is ok, whatever its last run did. A last good
// snapshot that is dated ahead of now has no age that anybody could tell: its
// host is late at least.
func HealthOf(in HealthInput) Health {
	if !in.Enabled || in.PausedReason != "" {
		return HealthPaused
	}
	if in.Suspect || in.Disproven {
		return HealthFailing
	}
	if in.LastGood == nil {
		return HealthNever
	}
	grace := in.Grace
	if grace <= 0 {
		grace = DefaultGrace(in.Every)
	}
	age := in.Now.Sub(*in.LastGood)
	wrong := IsFuture(*in.LastGood, in.Now)
	switch {
	case age <= in.Every+grace && !wrong:
		return HealthOK
	case age > 2*in.Every+grace, in.LastRunState == StateFailed, in.LastRunState == StatePartial, in.LastRunState == StateSuspect:
		return HealthFailing
	}
	return HealthLate
}

// HealthReason says what is odd about a host whose last good snapshot is of that
// time, or "".
func HealthReason(lastGood *time.Time, now time.Time) string {
	if lastGood == nil || !IsFuture(*lastGood, now) {
		return ""
	}
	return "the last good snapshot is dated " + lastGood.UTC().Format(time.RFC3339) +
		", which is yet to come: the clock of the storage server was ahead, or this one is behind"
}
