package billing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDaysAreOfTheirZone(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	at := time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC)
	require.Equal(t, Day("2026-10-31"), DayOf(at, time.UTC))
	day := DayOf(at, zone)
	require.Equal(t, Day("2026-11-01"), day)
	require.True(t, day.IsFirst())
	require.False(t, day.Add(-1).IsFirst())
	require.Equal(t, time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC), day.End(zone).UTC())
	require.Equal(t, 25*time.Hour, Day("2026-10-25").End(zone).Sub(Day("2026-10-24").End(zone)), "the change to winter time")
	require.Equal(t, Day("2026-03-01"), Day("2026-02-28").Add(1))

	first, next, err := ParseMonth("2026-12")
	require.NoError(t, err)
	require.Equal(t, []Day{"2026-12-01", "2027-01-01"}, []Day{first, next})
	for _, text := range []string{"", "2026-13", "2026-12-01", "x"} {
		_, _, err = ParseMonth(text)
		require.ErrorContains(t, err, "no month")
	}
	for _, text := range []string{"", "2026-02-30", "2026-1-1", "yesterday"} {
		_, err = ParseDay(text)
		require.ErrorContains(t, err, "no day")
	}
}
