// Package growth tells from how full a storage was when it will be full.
package growth

import (
	"slices"
	"time"
)

// Sample is how full a storage was at one moment, in bytes.
type Sample struct {
	At         time.Time
	Used, Free int64
}

// Trend is where the room of a storage goes.
type Trend struct {
	// PerDay is how many bytes more are used each day, less than 0 when fewer;
	// nil when there are too few samples to say.
	PerDay *float64
	// FullAt is when nothing will be free any more; nil when that cannot be
	// said, or will not be within ten years.
	FullAt *time.Time
}

const (
	// A trend needs so many samples over so long: less shows the hour of the
	// day, not where it goes.
	minSamples = 6
	minSpan    = 3 * 24 * time.Hour
	// horizon is how far ahead anybody plans for disks.
	horizon = 10 * 365 * 24 * time.Hour
	// dailyFrom is the span from which the last sample of each day will do.
	dailyFrom = 7 * 24 * time.Hour
)

// Of gives the trend of samples, the oldest first, at the time now. It is the
// median of the slopes between any two of them (Theil and Sen), which the night
// of a large restore or prune does not bend. When disks were added it begins
// after that. The date follows from what is free, since others may use the same
// pool.
func Of(samples []Sample, now time.Time) Trend {
	samples = thinned(sinceEnlarged(samples))
	if len(samples) < minSamples {
		return Trend{}
	}
	last := samples[len(samples)-1]
	if last.At.Sub(samples[0].At) < minSpan {
		return Trend{}
	}
	perDay := slope(samples, func(s Sample) int64 { return s.Used })
	trend := Trend{PerDay: &perDay}
	lost := -slope(samples, func(s Sample) int64 { return s.Free })
	if lost <= 0 {
		return trend
	}
	days := float64(last.Free) / lost
	if days*24 > horizon.Hours() {
		return trend
	}
	full := last.At.Add(time.Duration(days * 24 * float64(time.Hour)))
	if full.Before(now) {
		full = now
	}
	trend.FullAt = &full
	return trend
}

// sinceEnlarged leaves out what was before the size last grew by two percent or
// more at once.
func sinceEnlarged(samples []Sample) []Sample {
	for i := len(samples) - 1; i > 0; i-- {
		before, after := samples[i-1].Used+samples[i-1].Free, samples[i].Used+samples[i].Free
		if after-before > before/50 {
			return samples[i:]
		}
	}
	return samples
}

// thinned leaves the last sample of each day, where there are days enough.
func thinned(samples []Sample) []Sample {
	if len(samples) == 0 || samples[len(samples)-1].At.Sub(samples[0].At) < dailyFrom {
		return samples
	}
	var days []Sample
	for _, s := range samples {
		day := s.At.UTC().Truncate(24 * time.Hour)
		if n := len(days); n > 0 && days[n-1].At.UTC().Truncate(24*time.Hour).Equal(day) {
			days[n-1] = s
		} else {
			days = append(days, s)
		}
	}
	return days
}

// slope gives the median change per day of what of tells.
func slope(samples []Sample, of func(Sample) int64) float64 {
	var slopes []float64
	for i, a := range samples {
		for _, b := range samples[i+1:] {
			if days := b.At.Sub(a.At).Hours() / 24; days > 0 {
				slopes = append(slopes, float64(of(b)-of(a))/days)
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	middle := len(slopes) / 2
	if len(slopes)%2 == 1 {
		return slopes[middle]
	}
	return (slopes[middle-1] + slopes[middle]) / 2
}
