package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

// The sums that are kept are those of the samples, for everybody and for whoever
// sees some groups, and the pages of a list are the list.
func TestUsageSumsAreThoseOfTheSamples(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := catalogtest.Seed(t, catalogtest.Fleet{Groups: 3, Hosts: 60, Runs: 120, Snapshots: 1, Now: now})
	for _, visible := range []catalog.Visible{catalog.Everything(), catalog.OnlyGroups("group01"), catalog.OnlyGroups()} {
		f := catalog.UsageFilter{First: "2026-10-01", Next: "2026-11-01", Visible: visible}
		samples, err := s.UsageSamples(t.Context(), f)
		require.NoError(t, err)
		require.Equal(t, visible.Group("group01"), len(samples) > 0)
		byDay := map[string]catalog.DayUsage{}
		for _, u := range samples {
			if u.Billed {
				d := byDay[u.Day]
				byDay[u.Day] = catalog.DayUsage{Day: u.Day, Hosts: d.Hosts + 1, UsedBytes: d.UsedBytes + u.UsedBytes}
			}
		}
		days, err := s.UsageByDay(t.Context(), f)
		require.NoError(t, err)
		require.Len(t, days, len(byDay))
		for _, d := range days {
			require.Equal(t, byDay[d.Day], d)
		}

		hosts, err := s.UsageOfHosts(t.Context(), f)
		require.NoError(t, err)
		byGroup := map[string]catalog.UsageTotal{}
		for _, h := range hosts {
			g := byGroup[h.Group]
			byGroup[h.Group] = catalog.UsageTotal{
				Group: h.Group, Hosts: g.Hosts + 1, Days: h.Days, Samples: g.Samples + h.Samples, ByteDays: g.ByteDays + h.ByteDays,
				LastBytes: g.LastBytes + h.LastBytes, NotPosted: g.NotPosted + h.NotPosted,
			}
		}
		if visible.All() {
			require.Positive(t, byGroup["group02"].NotPosted)
		}
		groups, err := s.UsageOfGroups(t.Context(), f)
		require.NoError(t, err)
		require.Len(t, groups, len(byGroup))
		for _, g := range groups {
			require.Equal(t, byGroup[g.Group], g)
		}

		walked := catalog.UsageSamples{}
		for f.Limit = 7; ; {
			part, err := s.UsageSamples(t.Context(), f)
			require.NoError(t, err)
			walked = append(walked, part...)
			if len(part) < f.Limit {
				break
			}
			place, ok := catalog.ParseUsagePlace(part[len(part)-1].Place().String())
			require.True(t, ok)
			f.After = &place
		}
		require.Equal(t, samples, walked)
	}
	for _, text := range []string{"", "2026-11-01", "x/group01/web0001/00000000-0000-0000-0000-000000000000", "2026-11-01/a/b/c"} {
		_, ok := catalog.ParseUsagePlace(text)
		require.False(t, ok, text)
	}
}
