package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Bandwidth is a limit on the rate of a transfer, which may differ by time of
// day. The zero value is no limit. It travels as text.
type Bandwidth struct {
	// Base is the limit outside all Rules in KiB/s; 0 is unlimited.
	Base int64
	// Rules hold at their times; where several do, the last of them.
	Rules []BandwidthRule
}

// A BandwidthRule limits the rate during a span.
type BandwidthRule struct {
	Span Span
	// Limit is in KiB/s; 0 is unlimited.
	Limit int64
}

// ParseBandwidth reads a rate such as "10M", then, between semicolons, other
// rates at certain times: "10M; 08:00-18:00 2M; sat,sun 00:00-24:00 0". Rates
// have the units K, M and G for KiB, MiB and GiB a second; 0 or nothing at all
// is unlimited.
func ParseBandwidth(s string) (Bandwidth, error) {
	var b Bandwidth
	if strings.TrimSpace(s) == "" {
		return b, nil
	}
	for i, part := range strings.Split(s, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			return Bandwidth{}, refuse("%q is not a bandwidth: write for example 10M or 10M; 08:00-18:00 2M", s)
		}
		last := len(fields) - 1
		rate, err := parseRate(fields[last])
		if err != nil {
			return Bandwidth{}, err
		}
		if last == 0 {
			if i > 0 {
				return Bandwidth{}, refuse("%q has a rate without a time in a later place: put that one first, then for example 08:00-18:00 2M", s)
			}
			b.Base = rate
			continue
		}
		span, err := parseSpan(strings.Join(fields[:last], " "))
		if err != nil {
			return Bandwidth{}, err
		}
		b.Rules = append(b.Rules, BandwidthRule{Span: span, Limit: rate})
	}
	return b, nil
}

var rateUnits = []struct {
	letter string
	size   int64 // in KiB/s
}{{"G", 1 << 20}, {"M", 1 << 10}, {"K", 1}}

func parseRate(s string) (int64, error) {
	if s == "0" || strings.EqualFold(s, "unlimited") {
		return 0, nil
	}
	const most = 1 << 30 // KiB/s, a terabyte a second
	for _, u := range rateUnits {
		digits, ok := strings.CutSuffix(strings.ToUpper(s), u.letter)
		if !ok || strings.Trim(digits, "0123456789.") != "" {
			continue
		}
		n, err := strconv.ParseFloat(digits, 64)
		rate := math.Round(n * float64(u.size))
		if err == nil && rate >= 1 && rate <= most {
			return int64(rate), nil
		}
	}
	return 0, refuse("%q is not a rate: write a number with K, M or G (KiB, MiB or GiB a second), or 0 for no limit", s)
}

func formatRate(rate int64) string {
	for _, u := range rateUnits {
		if rate > 0 && rate%u.size == 0 {
			return strconv.FormatInt(rate/u.size, 10) + u.letter
		}
	}
	return "0"
}

// String gives the text that ParseBandwidth reads; "0" when there is no limit.
func (b Bandwidth) String() string {
	parts := []string{formatRate(b.Base)}
	for _, r := range b.Rules {
		parts = append(parts, fmt.Sprintf("%s %s", r.Span, formatRate(r.Limit)))
	}
	return strings.Join(parts, "; ")
}

// MarshalText gives what String gives.
func (b Bandwidth) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (b *Bandwidth) UnmarshalText(text []byte) error {
	parsed, err := ParseBandwidth(string(text))
	if err != nil {
		return err
	}
	*b = parsed
	return nil
}

// At gives the limit at t in KiB/s by the clocks of loc; 0 is unlimited.
func (b Bandwidth) At(t time.Time, loc *time.Location) int64 {
	for _, r := range slices.Backward(b.Rules) {
		if _, ok := r.Span.contains(t, loc); ok {
			return r.Limit
		}
	}
	return b.Base
}

// NextChange gives the first instant after t at which the limit becomes another
// one; false when it stays as it is.
func (b Bandwidth) NextChange(t time.Time, loc *time.Location) (time.Time, bool) {
	var edges []time.Time
	today := dateOf(t, loc)
	for i := -1; i < searchDays; i++ {
		for _, r := range b.Rules {
			if opens, closes, ok := r.Span.on(today.add(i), loc); ok {
				edges = append(edges, opens, closes)
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	now := b.At(t, loc)
	for _, edge := range edges {
		if edge.After(t) && b.At(edge, loc) != now {
			return edge, true
		}
	}
	return time.Time{}, false
}
