package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	return loc
}

func window(t testing.TB, s string) policy.Window {
	t.Helper()
	w, err := policy.ParseWindow(s)
	require.NoError(t, err)
	return w
}

func TestWindowText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		" 22:00-06:00 ":                "22:00-06:00",
		"mon-sun 8:00-9:30":            "08:00-09:30",
		"MON-fri 22:00-06:00;sat,sun":  "mon-fri 22:00-06:00; sat,sun 00:00-24:00",
		"fri-mon 00:00-24:00":          "mon,fri-sun 00:00-24:00",
		"Monday,wednesday 23:59-00:01": "mon,wed 23:59-00:01",
		"18:00-24:00":                  "18:00-24:00",
	} {
		w := window(t, in)
		require.Equal(t, want, w.String(), in)
		require.Equal(t, w, window(t, w.String()), in)
	}
	for _, bad := range []string{
		"22-6", "22:00", "22:00-22:00", "24:00-06:00", "25:00-26:00", "22:60-23:00", "22:00-06:00;", "mon-fri 22:00", "-", "xyz 22:00-06:00",
		"22:00-06:00 mon", "mon - fri 22:00-06:00", "+1:00-02:00", "022:00-23:00",
	} {
		_, err := policy.ParseWindow(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := policy.ParseWindow("22:00-22:00")
	require.EqualError(t, err, `"22:00-22:00" starts and ends at the same time: for the whole day write 00:00-24:00`)
}

func TestWindowThroughTheWeek(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	at := func(day, hour, minute int) time.Time { // 23 November 2026 is a Monday
		return time.Date(2026, 11, day, hour, minute, 0, 0, loc)
	}
	w := window(t, "mon-fri 22:00-06:00; sat,sun 00:00-24:00")
	require.False(t, w.Contains(at(23, 3, 0), loc), "the night from Sunday is not a night from Monday")
	require.False(t, w.Contains(at(23, 21, 59), loc))
	require.True(t, w.Contains(at(23, 22, 0), loc))
	require.True(t, w.Contains(at(24, 5, 59), loc))
	require.False(t, w.Contains(at(24, 6, 0), loc), "the end is outside")
	require.True(t, w.Contains(at(28, 12, 0), loc))
	require.Equal(t, at(23, 22, 0), w.NextOpen(at(23, 0, 0), loc))
	require.Equal(t, at(24, 3, 0), w.NextOpen(at(24, 3, 0), loc))
	closes, ok := w.CloseAfter(at(23, 7, 0), loc)
	require.True(t, ok)
	require.Equal(t, at(24, 6, 0), closes)
	closes, ok = w.CloseAfter(at(27, 23, 0), loc)
	require.True(t, ok)
	require.Equal(t, at(30, 0, 0), closes, "Friday night runs into the weekend")

	for _, always := range []string{"", "00:00-24:00", "00:00-12:00; 12:00-24:00"} {
		w := window(t, always)
		require.True(t, w.IsAlways(), always)
		require.True(t, w.Contains(at(25, 3, 14), loc))
		_, closes := w.CloseAfter(at(25, 3, 14), loc)
		require.False(t, closes, always)
	}
}

func TestWindowWhenClocksChange(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	utc := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	equal := func(want, got time.Time) {
		t.Helper()
		require.Equal(t, want.UTC(), got.UTC())
	}
	// On 29 March 02:00 becomes 03:00 (01:00 UTC).
	spring := window(t, "02:30-03:30")
	equal(utc(3, 29, 1, 0), spring.NextOpen(utc(3, 28, 12, 0), loc))
	closes, _ := spring.CloseAfter(utc(3, 29, 1, 15), loc)
	equal(utc(3, 29, 1, 30), closes)
	gone := window(t, "sun 02:10-02:50")
	require.False(t, gone.Contains(utc(3, 29, 1, 0), loc))
	equal(utc(4, 5, 0, 10), gone.NextOpen(utc(3, 28, 12, 0), loc))
	night := window(t, "22:00-06:00")
	closes, _ = night.CloseAfter(utc(3, 28, 21, 0), loc)
	equal(utc(3, 29, 4, 0), closes)

	// On 25 October 03:00 becomes 02:00 (01:00 UTC).
	autumn := window(t, "02:30-02:45")
	equal(utc(10, 25, 0, 30), autumn.NextOpen(utc(10, 24, 12, 0), loc))
	closes, _ = autumn.CloseAfter(utc(10, 25, 0, 30), loc)
	equal(utc(10, 25, 1, 45), closes)
	closes, _ = night.CloseAfter(utc(10, 24, 21, 0), loc)
	equal(utc(10, 25, 5, 0), closes)
	require.True(t, night.Contains(utc(10, 25, 4, 59), loc))

	// Clocks in Beirut skip the hour after midnight.
	beirut, err := time.LoadLocation("Asia/Beirut")
	require.NoError(t, err)
	day := window(t, "sun 00:00-24:00")
	opens := day.NextOpen(time.Date(2026, 3, 28, 12, 0, 0, 0, beirut), beirut)
	equal(utc(3, 28, 22, 0), opens)
	closes, _ = day.CloseAfter(opens, beirut)
	equal(opens.Add(23*time.Hour).UTC(), closes)
}

// TestWindowAgrees compares the three answers with each other, every few
// hours through a year with both changes of the clocks.
func TestWindowAgrees(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	for _, text := range []string{"22:00-06:00", "mon-fri 22:00-06:00; sat,sun 00:00-24:00", "sun 02:00-03:00", "01:30-02:30; 12:00-12:20"} {
		w := window(t, text)
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, loc); at.Year() == 2026; at = at.Add(157 * time.Minute) {
			opens := w.NextOpen(at, loc)
			require.True(t, w.Contains(opens, loc), "%s at %s", text, opens)
			require.Equal(t, w.Contains(at, loc), opens.Equal(at))
			if !opens.Equal(at) {
				require.False(t, w.Contains(opens.Add(-time.Nanosecond), loc), "%s before %s", text, opens)
			}
			closes, ok := w.CloseAfter(at, loc)
			require.True(t, ok)
			require.True(t, closes.After(opens))
			require.False(t, w.Contains(closes, loc))
			require.True(t, w.Contains(closes.Add(-time.Nanosecond), loc))
		}
	}
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	b, err := policy.ParseBandwidth("10M; 08:00-18:00 2M; sat,sun 00:00-24:00 0; 12:00-13:00 1.5m")
	require.NoError(t, err)
	require.Equal(t, "10M; 08:00-18:00 2M; sat,sun 00:00-24:00 0; 12:00-13:00 1536K", b.String())
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, loc) }
	require.EqualValues(t, 10240, b.At(at(23, 7), loc))
	require.EqualValues(t, 2048, b.At(at(23, 8), loc))
	require.EqualValues(t, 1536, b.At(at(23, 12), loc))
	require.EqualValues(t, 10240, b.At(at(23, 18), loc))
	require.EqualValues(t, 0, b.At(at(28, 9), loc))
	require.EqualValues(t, 1536, b.At(at(28, 12), loc), "the last rule wins")
	next, ok := b.NextChange(at(23, 8), loc)
	require.True(t, ok)
	require.Equal(t, at(23, 12), next)
	next, ok = b.NextChange(at(27, 18), loc)
	require.True(t, ok)
	require.Equal(t, at(28, 0), next)
	next, _ = b.NextChange(next, loc)
	require.Equal(t, at(28, 12), next, "08:00 changes nothing on a Saturday")

	for in, want := range map[string]string{"": "0", "0": "0", "unlimited": "0", "1024K": "1M", "2g": "2G", "0; 08:00-18:00 2M": "0; 08:00-18:00 2M", "mon-fri 08:00-18:00 2M": "0; mon-fri 08:00-18:00 2M"} {
		b, err := policy.ParseBandwidth(in)
		require.NoError(t, err, in)
		require.Equal(t, want, b.String())
	}
	var none policy.Bandwidth
	require.Zero(t, none.At(at(23, 1), loc))
	_, ok = none.NextChange(at(23, 1), loc)
	require.False(t, ok)
	for _, bad := range []string{"10", "10X", "-1M", "1e9G", "NaNM", "infK", "10M; 5M", "10M;", "M", "08:00-18:00", "10M 08:00-18:00", "0.0001K", "99999999G"} {
		_, err := policy.ParseBandwidth(bad)
		require.Error(t, err, bad)
	}
}
