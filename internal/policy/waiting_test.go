package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestNextTry(t *testing.T) {
	t.Parallel()
	e := effective(t, "every", "1d")
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return new(now.Add(-d)) }

	next, ok := e.NextTry(now, now, ago(24*time.Hour))
	require.True(t, ok)
	require.Equal(t, now.Add(time.Hour), next)
	next, ok = e.NextTry(now, now.Add(-23*time.Hour), ago(47*time.Hour+30*time.Minute))
	require.True(t, ok)
	require.Equal(t, now.Add(30*time.Minute), next, "the last try is at the end of the wait")
	_, ok = e.NextTry(now, now, ago(48*time.Hour))
	require.False(t, ok)
	_, ok = e.NextTry(now, now, nil)
	require.True(t, ok, "a host that never had a backup has two intervals from its start on")
	_, ok = e.NextTry(now, now.Add(-48*time.Hour), nil)
	require.False(t, ok)
	// A clock that was ahead must not have a run wait until it is right again.
	_, ok = e.NextTry(now, now.Add(-48*time.Hour), ago(-30*24*time.Hour))
	require.False(t, ok)

	short := effective(t, "every", "15m", "max_wait", "2h")
	next, ok = short.NextTry(now, now, ago(time.Hour))
	require.True(t, ok)
	require.Equal(t, now.Add(time.Minute), next)
}

func TestPriorityOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	require.Equal(t, policy.PriorityByHand, policy.PriorityOf(true, nil, day, now))
	require.Equal(t, policy.PriorityUrgent, policy.PriorityOf(false, nil, day, now))
	require.Equal(t, policy.PriorityUrgent, policy.PriorityOf(false, new(now.Add(-2*day)), day, now))
	require.Equal(t, policy.PriorityRegular, policy.PriorityOf(false, new(now.Add(-day)), day, now))
	require.Equal(t, policy.PriorityUrgent, policy.PriorityOf(false, new(now.Add(day)), day, now), "dated ahead of now")
}
