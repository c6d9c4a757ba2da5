package policy

import "time"

// A period is a stretch of the calendar of which at most one snapshot is kept.
type period struct {
	tier  string
	count func(Retention) int
	// key numbers the periods in the order of time.
	key func(time.Time, *time.Location) int64
}

// periods holds all of them, shortest first.
var periods = []period{
	{TierHourly, func(r Retention) int { return r.Hourly }, hourKey},
	{TierDaily, func(r Retention) int { return r.Daily }, dayKey},
	{TierWeekly, func(r Retention) int { return r.Weekly }, weekKey},
	{TierMonthly, func(r Retention) int { return r.Monthly }, monthKey},
	{TierYearly, func(r Retention) int { return r.Yearly }, yearKey},
}

// hourKey counts hours that have passed, not what clocks show, so that the two
// hours of the same name in autumn are two. The offset puts the boundaries at
// full hours where zones have half ones.
func hourKey(t time.Time, loc *time.Location) int64 {
	_, offset := t.In(loc).Zone()
	inHour := int64(offset) % 3600
	return (t.Unix() + inHour) / 3600
}

func dayKey(t time.Time, loc *time.Location) int64 {
	d := dateOf(t, loc)
	return (int64(d.year)*12+int64(d.month))*31 + int64(d.day)
}

// weekKey numbers weeks as ISO 8601 does: from Monday on, the first week of a
// year being the one with its first Thursday.
func weekKey(t time.Time, loc *time.Location) int64 {
	year, week := t.In(loc).ISOWeek()
	return int64(year)*54 + int64(week)
}

func monthKey(t time.Time, loc *time.Location) int64 {
	d := dateOf(t, loc)
	return int64(d.year)*12 + int64(d.month)
}

func yearKey(t time.Time, loc *time.Location) int64 { return int64(dateOf(t, loc).year) }
