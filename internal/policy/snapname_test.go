package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestParseSnapshotName(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 6, 3, 11, 47, 0, 0, time.UTC)
	for in, want := range map[string]policy.SnapshotName{
		"daily-201706031147":             {Kind: policy.KindTier, Tier: policy.TierDaily, Time: at},
		"yearly-201706031147":            {Kind: policy.KindTier, Tier: policy.TierYearly, Time: at},
		"planb-20170603T1147Z":           {Kind: policy.KindLegacy, Time: at},
		"keep-go-live-201706031147":      {Kind: policy.KindKeep, Label: "go-live", Time: at},
		"keep-daily-201706031147":        {Kind: policy.KindKeep, Label: "daily", Time: at},
		"keep-201706031147":              {},
		"keep--201706031147":             {},
		"keep-a b-201706031147":          {},
		"daily-20170603":                 {},
		"daily-201713031147":             {},
		"daily-201702301147":             {},
		"daily-2017060311470":            {},
		"Daily-201706031147":             {},
		"manual-201706031147":            {},
		"x-daily-201706031147":           {},
		"planb-20170603T1147":            {},
		"planb-201706031147":             {},
		"zrepl_20260101_000000_000":      {},
		"autosnap_2026-01-01_00:00:01_d": {},
		"":                               {},
		"-":                              {},
	} {
		require.Equal(t, want, policy.ParseSnapshotName(in), in)
	}
}

func TestNameSnapshot(t *testing.T) {
	t.Parallel()
	loc := amsterdam(t)
	local := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", s, loc)
		require.NoError(t, err)
		return at
	}
	for _, c := range []struct {
		what, at, previous, label string
		existing                  []string
		want                      string
		tiers                     []string
	}{
		{what: "the very first", at: "2026-11-23 02:30:40", want: "yearly-202611230130", tiers: []string{"yearly", "monthly", "weekly", "daily", "hourly"}},
		{what: "a Tuesday", at: "2026-11-24 02:30:00", previous: "2026-11-23 02:30:00", want: "daily-202611240130", tiers: []string{"daily", "hourly"}},
		{what: "the first of a month by local time", at: "2026-12-01 00:30:00", previous: "2026-11-30 23:30:00", want: "monthly-202611302330", tiers: []string{"monthly", "daily", "hourly"}},
		{what: "New Year in the middle of a week", at: "2027-01-01 02:30:00", previous: "2026-12-31 02:30:00", want: "yearly-202701010130", tiers: []string{"yearly", "monthly", "daily", "hourly"}},
		{what: "a Monday", at: "2027-01-04 02:30:00", previous: "2027-01-03 02:30:00", want: "weekly-202701040130", tiers: []string{"weekly", "daily", "hourly"}},
		{what: "a second one an hour later", at: "2026-11-23 03:30:00", previous: "2026-11-23 02:30:00", want: "hourly-202611230230", tiers: []string{"hourly"}},
		{what: "a second one in the hour", at: "2026-11-23 02:45:00", previous: "2026-11-23 02:30:00", want: "hourly-202611230145"},
		{what: "the hour that happens twice", at: "2026-10-25 03:10:00", previous: "2026-10-25 01:10:00", want: "hourly-202610250210", tiers: []string{"hourly"}},
		{what: "a second one in the minute", at: "2026-11-23 02:30:40", previous: "2026-11-23 02:30:00", existing: []string{"daily-202611230130"}, want: "hourly-202611230131"},
		{what: "a third one", at: "2026-11-23 02:31:10", previous: "2026-11-23 02:31:00", existing: []string{"hourly-202611230131", "foreign", "daily-202611230130"}, want: "hourly-202611230132"},
		{what: "beside one by hand", at: "2026-11-23 02:30:00", existing: []string{"keep-x-202611230130"}, want: "yearly-202611230131", tiers: []string{"yearly", "monthly", "weekly", "daily", "hourly"}},
		{what: "by hand", at: "2026-11-23 02:30:00", label: "go-live", want: "keep-go-live-202611230130"},
		{what: "a clock that went back", at: "2025-11-23 02:30:00", previous: "2026-11-23 02:30:00", existing: []string{"daily-202611230130"}, want: "hourly-202511230130"},
	} {
		var previous time.Time
		if c.previous != "" {
			previous = local(c.previous)
		}
		name, tiers := policy.NameSnapshot(policy.NewSnapshot{
			At: local(c.at), PreviousGood: previous, Location: loc, Label: c.label, Existing: c.existing,
		})
		require.Equal(t, c.want, name.String(), c.what)
		require.Equal(t, c.tiers, tiers, c.what)
		require.Equal(t, name, policy.ParseSnapshotName(name.String()), c.what)
	}
}

func TestNewestGood(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	s, ok := policy.NewestGood([]policy.Snapshot{
		{Name: "daily-202611200130"},
		{Name: "daily-202611210130", State: policy.StateWarning},
		{Name: "daily-202611220130", State: policy.StatePartial},
		{Name: "keep-x-202611221200", State: policy.StateOK},
		{Name: "zrepl_1", Created: now},
		{Name: "daily-202711230130", State: policy.StateOK},
	}, now)
	require.True(t, ok)
	require.Equal(t, "daily-202611210130", s.Name)
	_, ok = policy.NewestGood(nil, now)
	require.False(t, ok)
}
