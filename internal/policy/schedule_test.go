package policy_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func effective(t testing.TB, pairs ...string) policy.Effective {
	t.Helper()
	var s policy.Settings
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(t, s.Set(pairs[i], pairs[i+1]))
	}
	return policy.Resolve(policy.Settings{}, policy.Settings{}, s)
}

// hosts are keys of many hosts.
func hosts(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("018f3c1e-0000-7000-8000-%012d", i)
	}
	return keys
}

// year runs a timetable from New Year to New Year.
func year(t testing.TB, tt policy.Timetable, loc *time.Location) []time.Time {
	t.Helper()
	var all []time.Time
	from, end := time.Date(2026, 1, 1, 0, 0, 0, 0, loc), time.Date(2027, 1, 1, 0, 0, 0, 0, loc)
	for {
		starts, err := tt.Next(from, 400)
		require.NoError(t, err)
		require.Len(t, starts, 400)
		for _, at := range starts {
			if !at.Before(end) {
				return all
			}
			require.True(t, at.After(from), "%s comes after %s", at, from)
			all, from = append(all, at), at
		}
	}
}

func TestTimetablesThroughAYear(t *testing.T) {
	t.Parallel()
	const zone = "Europe/Amsterdam"
	loc := amsterdam(t)
	for _, c := range []struct {
		every, window string
		starts        int // in 2026; -1 where it depends on the host
		longestGap    string
	}{
		{"1d", "", 365, "24h"},
		{"1d", "22:00-06:00", 365, "24h"},
		{"1d", "01:00-04:00", 365, "24h"},
		{"1d", "mon-fri 22:00-06:00", -1, "72h"},
		{"1d", "mon-fri 22:00-06:00; sat,sun 00:00-24:00", 365, "24h"},
		{"1d", "mon-fri 22:00-06:00; sat,sun 12:00-18:00", -1, ""},
		{"1d", "mon-fri", 261, "72h"},
		{"1w", "", -1, "168h"},
		{"1w", "sat,sun 10:00-20:00", -1, "168h"},
		{"2w", "sat 10:00-20:00", 26, ""},
		{"2d", "22:00-06:00", -1, ""},
		{"3d", "", -1, "72h"},
		{"36h", "", -1, "36h"},
		{"1h", "", 8760, "1h"},
		{"1h", "22:00-06:00", -1, "17h"},
		{"6h", "09:00-10:00", 365, "24h"},
		{"15m", "fri 22:00-06:00", -1, ""},
	} {
		for _, key := range hosts(8) {
			what := fmt.Sprintf("every %s in %q, host %s", c.every, c.window, key)
			e := effective(t, "every", c.every, "window", c.window, "timezone", zone)
			tt := e.Timetable(key)
			require.Equal(t, tt, e.Timetable(key), "stable")
			starts := year(t, tt, loc)
			if c.starts >= 0 {
				require.Len(t, starts, c.starts, what)
			}
			require.NotEmpty(t, starts, what)
			for i, at := range starts {
				require.True(t, e.Window.Value.Contains(at, loc), "%s: %s is outside", what, at)
				if tt.Every >= policy.Day && len(tt.Calendar) > 0 {
					require.NotEqual(t, 2, at.In(loc).Hour(), "%s: %s", what, at)
				}
				if i > 0 && tt.Every >= policy.Day {
					require.LessOrEqual(t, at.Sub(starts[i-1]), tt.LongestGap()+time.Hour, "%s: %s", what, at)
				}
			}
			if c.longestGap != "" {
				want, err := time.ParseDuration(c.longestGap)
				require.NoError(t, err)
				require.InDelta(t, want.Hours(), tt.LongestGap().Hours(), 1, what)
			}
		}
	}
}

func TestEveryOpeningHasAStart(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	e := effective(t, "timezone", "Europe/Amsterdam", "window", "mon-fri 22:00-06:00; sat,sun 12:00-18:00")
	for _, key := range hosts(12) {
		days := map[string]bool{}
		for _, at := range year(t, e.Timetable(key), loc) {
			// A night belongs to the day on which it begins.
			days[at.In(loc).Add(-6*time.Hour).Format(time.DateOnly)] = true
		}
		require.GreaterOrEqual(t, len(days), 364, "no opening is missed but one cut off by New Year")
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ every, window string }{
		{"1d", ""}, {"1d", "22:00-06:00"}, {"1h", ""}, {"1w", "22:00-06:00"}, {"2d", "22:00-06:00"}, {"1h", "22:00-06:00"},
	} {
		e := effective(t, "every", c.every, "window", c.window, "timezone", "Europe/Amsterdam")
		loc := amsterdam(t)
		slots := map[int]int{}
		for _, key := range hosts(1200) {
			starts, err := e.Timetable(key).Next(time.Date(2026, 1, 5, 12, 0, 0, 0, loc), 1)
			require.NoError(t, err)
			at := starts[0].In(loc)
			if c.window != "" && c.every != "1h" {
				sinceOpen := (at.Hour() - 22 + 24) % 24
				require.Less(t, sinceOpen, 4, "%v: %s is in the second half", c, at)
			}
			slots[at.Hour()*12+at.Minute()/5]++
		}
		require.GreaterOrEqual(t, len(slots), 12, "%v", c)
		for slot, n := range slots {
			require.Less(t, n, 2*1200/len(slots)+40, "%v: too many at %02d:%02d", c, slot/12, slot%12*5)
		}
	}
}

func TestNextWhenClocksChange(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	tt := policy.Timetable{
		Calendar: []policy.CalendarTime{{Days: policy.EveryDay, Hour: 2, Minute: 30}},
		Timezone: "Europe/Amsterdam", Every: policy.Day,
	}
	utc := func(from time.Time) []string {
		starts, err := tt.Next(from, 3)
		require.NoError(t, err)
		var list []string
		for _, at := range starts {
			list = append(list, at.UTC().Format("01-02 15:04"))
		}
		return list
	}
	require.Equal(t, []string{"03-28 01:30", "03-30 00:30", "03-31 00:30"}, utc(time.Date(2026, 3, 28, 0, 0, 0, 0, loc)))
	require.Equal(t, []string{"10-25 00:30", "10-25 01:30", "10-26 01:30"}, utc(time.Date(2026, 10, 25, 0, 0, 0, 0, loc)))
	_, err := policy.Timetable{Timezone: "Mars/Olympus"}.Next(time.Time{}, 1)
	require.Error(t, err)
}

func TestTimetableText(t *testing.T) {
	t.Parallel()
	e := effective(t, "every", "1d", "window", "mon-fri 22:00-06:00", "timezone", "Europe/Amsterdam")
	tt := e.Timetable("018f3c1e-0000-7000-8000-000000000001")
	text, err := json.Marshal(tt)
	require.NoError(t, err)
	// What a host was once told stays so: a change here moves every host.
	require.JSONEq(t, `{"calendar":[{"days":"mon-fri","hour":23,"minute":41}],"timezone":"Europe/Amsterdam","every":"1d","phase":"0","window":"mon-fri 22:00-06:00","catch_up":"20h"}`, string(text))
	var again policy.Timetable
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, tt, again)
}
