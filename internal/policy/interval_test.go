package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestInterval(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1h": "1h", "12h": "12h", "24h": "1d", "1d": "1d", "7d": "1w", "1w": "1w", "90m": "90m", "60m": "1h",
		"1d12h": "36h", "36h": "36h", "14d": "2w", "90s": "90s", "0": "0", "0m": "0", "10d": "10d",
	} {
		i, err := policy.ParseInterval(in)
		require.NoError(t, err, in)
		require.Equal(t, want, i.String(), in)
	}
	for _, bad := range []string{"", "h", "1", "1x", "1 h", "-1h", "1.5h", "1h1", "99999999999999999999h", "99999999999w", "1M", "d1"} {
		_, err := policy.ParseInterval(bad)
		require.Error(t, err, bad)
	}
	_, err := policy.ParseInterval("2y")
	require.EqualError(t, err, `"2y" has an unknown unit: the units are s, m, h, d and w (seconds, minutes, hours, days, weeks)`)
	require.Equal(t, "2s", policy.Interval(1500*time.Millisecond).String())
}

func TestRetention(t *testing.T) {
	t.Parallel()
	r, err := policy.ParseRetention("2y, 12m,4w,16d,24h")
	require.NoError(t, err)
	require.Equal(t, policy.Retention{Hourly: 24, Daily: 16, Weekly: 4, Monthly: 12, Yearly: 2}, r)
	require.Equal(t, "24h,16d,4w,12m,2y", r.String())
	require.Equal(t, 58, r.Total())
	r, err = policy.ParseRetention("16d,4w,12m,2y,0h")
	require.NoError(t, err)
	require.Equal(t, "16d,4w,12m,2y", r.String())
	for in, want := range map[string]string{
		"16x":    `"16x" has an unknown retention letter: the letters are h, d, w, m and y (hours, days, weeks, months, years), for example 16d,4w,12m,2y`,
		"":       `"" is not a retention: write counts with letters between commas, for example 16d,4w,12m,2y`,
		"16d,":   `"16d," is not a retention: write counts with letters between commas, for example 16d,4w,12m,2y`,
		"d":      `"d" needs a number from 0 to 9999 before its letter, for example 16d,4w,12m,2y`,
		"-1d":    `"-1d" needs a number from 0 to 9999 before its letter, for example 16d,4w,12m,2y`,
		"10000d": `"10000d" needs a number from 0 to 9999 before its letter, for example 16d,4w,12m,2y`,
		"1d,2d":  `"1d,2d" names the letter d twice: give each letter once, for example 16d,4w,12m,2y`,
		"0d":     `"0d" keeps nothing: keep at least one snapshot, for example 16d,4w,12m,2y`,
	} {
		_, err := policy.ParseRetention(in)
		require.EqualError(t, err, want)
	}
}

// FuzzText holds every text form to reading back what it writes.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"1d", "90m", "16d,4w,12m,2y", "mon-fri 22:00-06:00; sat,sun", "10M; 08:00-18:00 2M", "fri-mon", "",
		"daily-202611230130", "keep-a-b-202611230130", "planb-20170603T1147Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := policy.ParseInterval(s); err == nil {
			again, err := policy.ParseInterval(v.String())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := policy.ParseRetention(s); err == nil {
			again, err := policy.ParseRetention(v.String())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := policy.ParseWindow(s); err == nil {
			again, err := policy.ParseWindow(v.String())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := policy.ParseWeekdays(s); err == nil {
			again, err := policy.ParseWeekdays(v.String())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := policy.ParseBandwidth(s); err == nil {
			again, err := policy.ParseBandwidth(v.String())
			require.NoError(t, err)
			require.Equal(t, v, again)
			_, err = json.Marshal(v)
			require.NoError(t, err)
		}
		if n := policy.ParseSnapshotName(s); n.Kind != policy.KindForeign {
			require.Equal(t, s, n.String())
		}
	})
}
