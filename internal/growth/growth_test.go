package growth_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/growth"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const gib = 1 << 30

// daily gives the samples of so many days until now; free tells what is free so
// many days ago, of 1000 GiB.
func daily(days int, free func(ago int) int64) []growth.Sample {
	var samples []growth.Sample
	for ago := days; ago >= 0; ago-- {
		f := free(ago)
		samples = append(samples, growth.Sample{At: now.AddDate(0, 0, -ago), Used: 1000*gib - f, Free: f})
	}
	return samples
}

func TestDateItFills(t *testing.T) {
	t.Parallel()
	noise := rand.New(rand.NewPCG(1, 2))
	for what, c := range map[string]struct {
		samples []growth.Sample
		perDay  float64 // GiB
		days    float64 // until full; 0 is never
	}{
		"even":         {daily(30, func(ago int) int64 { return (100 + 10*int64(ago)) * gib }), 10, 10},
		"shrinking":    {daily(30, func(ago int) int64 { return (400 - 10*int64(ago)) * gib }), -10, 0},
		"flat":         {daily(30, func(int) int64 { return 100 * gib }), 0, 0},
		"in 27 years":  {daily(30, func(ago int) int64 { return 500*gib + int64(ago)*gib/20 }), 0.05, 0},
		"full already": {daily(30, func(ago int) int64 { return int64(ago) * gib }), 1, 0.0001},
		"noisy": {daily(30, func(ago int) int64 {
			return (100+10*int64(ago))*gib + noise.Int64N(8*gib) - 4*gib
		}), 10, 10},
		"a night of a large restore": {daily(30, func(ago int) int64 {
			if ago == 3 || ago == 4 {
				return 5 * gib
			}
			return (100 + 10*int64(ago)) * gib
		}), 10, 10},
	} {
		got := growth.Of(c.samples, now)
		require.NotNil(t, got.PerDay, what)
		require.InDelta(t, c.perDay, *got.PerDay/gib, 0.5, what)
		if c.days == 0 {
			require.Nil(t, got.FullAt, what)
			continue
		}
		require.NotNil(t, got.FullAt, what)
		require.InDelta(t, c.days, got.FullAt.Sub(now).Hours()/24, 1, what)
	}
}

func TestTrendBeginsAfterDisksWereAdded(t *testing.T) {
	t.Parallel()
	var samples []growth.Sample
	for ago := 40; ago >= 0; ago-- {
		size := int64(1000 * gib)
		if ago < 12 {
			size = 2000 * gib
		}
		used := (900 - 5*int64(ago)) * gib
		samples = append(samples, growth.Sample{At: now.AddDate(0, 0, -ago), Used: used, Free: size - used})
	}
	got := growth.Of(samples, now)
	require.InDelta(t, 5, *got.PerDay/gib, 0.01)
	require.InDelta(t, 220, got.FullAt.Sub(now).Hours()/24, 0.1)
}

func TestTooLittleIsKnown(t *testing.T) {
	t.Parallel()
	require.Equal(t, growth.Trend{}, growth.Of(nil, now))
	require.Equal(t, growth.Trend{}, growth.Of(daily(2, func(ago int) int64 { return int64(ago) * gib }), now))
	var hours []growth.Sample
	for h := range 48 {
		hours = append(hours, growth.Sample{At: now.Add(time.Duration(h-48) * time.Hour), Used: int64(h), Free: 1000 - int64(h)})
	}
	require.Equal(t, growth.Trend{}, growth.Of(hours, now))
	same := make([]growth.Sample, 10)
	require.Equal(t, growth.Trend{}, growth.Of(same, now))
}
