package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age      time.Duration // of the last good snapshot; 0 is none
		state    string
		disabled bool
		paused   string
		grace    time.Duration
		want     policy.Health
	}{
		{age: 0, want: policy.HealthNever},
		{age: 0, state: policy.StateFailed, want: policy.HealthNever},
		{age: time.Hour, state: policy.StateOK, want: policy.HealthOK},
		{age: time.Hour, state: policy.StateFailed, want: policy.HealthOK},
		{age: 30 * time.Hour, want: policy.HealthOK},
		{age: 31 * time.Hour, want: policy.HealthLate},
		{age: 26 * time.Hour, grace: time.Hour, want: policy.HealthLate},
		{age: 31 * time.Hour, state: policy.StateFailed, want: policy.HealthFailing},
		{age: 31 * time.Hour, state: policy.StatePartial, want: policy.HealthFailing},
		{age: 31 * time.Hour, state: policy.StateSkipped, want: policy.HealthLate},
		{age: 31 * time.Hour, state: policy.StateOK, want: policy.HealthLate},
		{age: 55 * time.Hour, state: policy.StateWaiting, want: policy.HealthFailing},
		{age: 55 * time.Hour, disabled: true, want: policy.HealthPaused},
		{age: 0, paused: "move to the new building", want: policy.HealthPaused},
		{age: -5 * time.Minute, want: policy.HealthOK},
		{age: -time.Hour, want: policy.HealthLate},
		{age: -300 * 24 * time.Hour, state: policy.StateOK, want: policy.HealthLate},
		{age: -time.Hour, state: policy.StateFailed, want: policy.HealthFailing},
	} {
		in := policy.HealthInput{
			LastRunState: c.state, Enabled: !c.disabled, PausedReason: c.paused,
			Every: 24 * time.Hour, Grace: c.grace, Now: now,
		}
		if c.age != 0 {
			in.LastGood = new(now.Add(-c.age))
		}
		require.Equal(t, c.want, policy.HealthOf(in), "%+v", c)
	}
	require.Contains(t, policy.HealthReason(new(now.Add(time.Hour)), now), "dated 2026-11-23T03:00:00Z, which is yet to come")
	require.Empty(t, policy.HealthReason(&now, now))
	suspect := policy.HealthInput{LastGood: &now, LastRunState: policy.StateWarning, Enabled: true, Suspect: true, Every: 24 * time.Hour, Now: now}
	require.Equal(t, policy.HealthFailing, policy.HealthOf(suspect))
	require.Equal(t, 6*time.Hour, policy.DefaultGrace(24*time.Hour))
	require.Equal(t, 15*time.Minute, policy.DefaultGrace(15*time.Minute))
	require.Equal(t, 24*time.Hour, policy.DefaultGrace(28*24*time.Hour))
}

func TestGuard(t *testing.T) {
	t.Parallel()
	e := effective(t)
	before := policy.Counts{Files: 1000, Bytes: 10 << 30}
	for _, c := range []struct {
		what     string
		previous *policy.Counts
		current  policy.Counts
		want     []string
	}{
		{"the first one", nil, policy.Counts{Files: 10, Bytes: 10}, nil},
		{"an empty first one", nil, policy.Counts{}, []string{"The first backup holds no files: check which paths are included and whether the login may read them."}},
		{"empty", &before, policy.Counts{Deleted: 1000}, []string{"The backup holds no files, the one before held 1000."}},
		{"as before", &before, policy.Counts{Files: 1000, Bytes: 10 << 30, Changed: 20}, nil},
		{"just half", &before, policy.Counts{Files: 500, Bytes: 5 << 30, Changed: 500, Deleted: 500}, nil},
		{"less than half", &before, policy.Counts{Files: 499, Bytes: 5 << 30, Deleted: 501}, []string{
			"The number of files shrank by 50 %, from 1000 to 499; the limit is 50 %.",
			"50 % of the files were deleted, 501 of 1000; the limit is 50 %.",
		}},
		{"smaller", &before, policy.Counts{Files: 1000, Bytes: 1 << 30}, []string{"The size shrank by 90 %, from 10737418240 to 1073741824 bytes; the limit is 50 %."}},
		{"encrypted in place", &before, policy.Counts{Files: 1000, Bytes: 10 << 30, Changed: 900}, []string{"90 % of the files changed, 900 of 1000; the limit is 50 %."}},
		{"encrypted under new names", &before, policy.Counts{Files: 1000, Bytes: 10 << 30, Deleted: 990}, []string{"99 % of the files were deleted, 990 of 1000; the limit is 50 %."}},
		{"grown", &before, policy.Counts{Files: 9000, Bytes: 90 << 30}, nil},
		{"accepted before with leftovers", &policy.Counts{Files: 1000, Leftovers: true}, policy.Counts{Files: 1000, Deleted: 4000}, nil},
		{"small", &policy.Counts{Files: 10, Bytes: 1000}, policy.Counts{Files: 1, Bytes: 1, Changed: 1, Deleted: 9}, nil},
		{"few large files", &policy.Counts{Files: 10, Bytes: 2 << 30}, policy.Counts{Files: 9, Bytes: 100}, []string{"The size shrank by 99 %, from 2147483648 to 100 bytes; the limit is 50 %."}},
		{"small and empty", &policy.Counts{Files: 1, Bytes: 1}, policy.Counts{}, []string{"The backup holds no files, the one before held 1."}},
	} {
		var got []string
		for _, tripped := range e.Guard(c.previous, c.current) {
			require.NotEmpty(t, tripped.Guard)
			got = append(got, tripped.Reason)
		}
		require.Equal(t, c.want, got, c.what)
	}
	off := effective(t, "guard_shrink", "0", "guard_change", "0", "guard_delete", "0")
	require.Empty(t, off.Guard(&before, policy.Counts{Files: 1, Bytes: 1, Changed: 1000, Deleted: 999}))

	n, ok := e.MaxDelete(&before)
	require.True(t, ok)
	require.EqualValues(t, 500, n)
	for _, none := range []func() (int64, bool){
		func() (int64, bool) { return off.MaxDelete(&before) },
		func() (int64, bool) { return e.MaxDelete(nil) },
		func() (int64, bool) { return e.MaxDelete(&policy.Counts{Files: 1000, Leftovers: true}) },
		func() (int64, bool) { return e.MaxDelete(&policy.Counts{Files: 99}) },
	} {
		_, ok := none()
		require.False(t, ok)
	}
}

// What a transfer did to the files is gone from the next one's counts, and yet
// it is since the last good backup.
func TestCountsSinceTheLastGoodBackup(t *testing.T) {
	t.Parallel()
	e := effective(t)
	good := policy.Counts{Files: 1000, Bytes: 10 << 30}
	require.Equal(t, good, good.Since(nil))
	for _, c := range []struct {
		what    string
		earlier policy.Counts
		current policy.Counts
		suspect bool
	}{
		{"still encrypted in place", policy.Counts{Files: 1000, Changed: 900}, policy.Counts{Files: 1000, Bytes: 10 << 30}, true},
		{"still encrypted under new names", policy.Counts{Files: 1000, Deleted: 1000, Created: 1000}, policy.Counts{Files: 1000, Bytes: 10 << 30}, true},
		{"mounted again", policy.Counts{Deleted: 1000}, policy.Counts{Files: 1000, Bytes: 10 << 30, Created: 1000}, false},
		{"half of it mounted again", policy.Counts{Deleted: 1000}, policy.Counts{Files: 400, Bytes: 10 << 30, Created: 400}, true},
		{"a partial one with the usual changes", policy.Counts{Files: 1000, Changed: 30, Deleted: 5}, policy.Counts{Files: 1000, Bytes: 10 << 30, Changed: 40, Deleted: 5, Created: 5}, false},
	} {
		require.Equal(t, c.suspect, len(e.Guard(&good, c.current.Since(&c.earlier))) > 0, c.what)
	}
}

func TestDisprovenIsFailing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)
	in := policy.HealthInput{LastGood: &now, LastRunState: policy.StateOK, Enabled: true, Every: 24 * time.Hour, Now: now}
	require.Equal(t, policy.HealthOK, policy.HealthOf(in))
	in.Disproven = true
	require.Equal(t, policy.HealthFailing, policy.HealthOf(in))
	in.Enabled = false
	require.Equal(t, policy.HealthPaused, policy.HealthOf(in))
}
