package policy

import "time"

// HealthAges gives the ages of the last good snapshot beyond which HealthOf
// finds a host late, and failing whatever its last run did, where backups are
// at most gap apart (Timetable.LongestGap) and the grace is DefaultGrace.
func HealthAges(gap time.Duration) (late, failing time.Duration) {
	grace := DefaultGrace(gap)
	return gap + grace, 2*gap + grace
}
