package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

// checkGuarantees holds a plan to what every plan must keep, and to removing
// nothing more when it is made again after being carried out.
func checkGuarantees(t testing.TB, c planCase, decisions []policy.Decision) {
	t.Helper()
	require.Len(t, decisions, len(c.snapshots))
	kept := remaining(decisions)
	good := 0
	for _, d := range decisions {
		s, name := d.Snapshot, policy.ParseSnapshotName(d.Snapshot.Name)
		require.NotEmpty(t, d.Reasons)
		future := s.Time().After(c.options.Now.Add(10 * time.Minute))
		regular := name.Kind == policy.KindTier || name.Kind == policy.KindLegacy
		if regular && policy.IsGood(s.State) && !future {
			good++
			if good <= max(1, c.options.FloorCount) {
				require.True(t, d.Keep, "the newest good ones stay: %s", s.Name)
			}
		}
		if s.Held || !regular || s.State == policy.StateSuspect || future {
			require.True(t, d.Keep, "%s %v", s.Name, d)
		}
		if age := c.options.Now.Sub(s.Time()); age < c.options.FloorAge.Duration() {
			require.True(t, d.Keep, "%s is only %s old", s.Name, age)
		}
	}
	again := policy.Plan(kept, c.keep, c.options)
	require.Zero(t, policy.PlanShare(again), "a second plan removes nothing")
	for _, d := range again {
		require.True(t, d.Keep)
	}
}

func remaining(decisions []policy.Decision) []policy.Snapshot {
	var kept []policy.Snapshot
	for _, d := range decisions {
		if d.Keep {
			kept = append(kept, d.Snapshot)
		}
	}
	return kept
}

// live runs a host's backups with a prune after each good one.
func live(t *testing.T, c *planCase, from time.Time, n int, step func(time.Time) time.Time) {
	t.Helper()
	for range n {
		c.options.Now = from.Add(5 * time.Minute)
		c.add(from, policy.StateOK)
		decisions := policy.Plan(c.snapshots, c.keep, c.options)
		checkGuarantees(t, *c, decisions)
		c.snapshots = remaining(decisions)
		from = step(from)
	}
}

func nextDay(t time.Time) time.Time { return t.AddDate(0, 0, 1) }

func newCase(t *testing.T, keep, zone string) *planCase {
	t.Helper()
	r, err := policy.ParseRetention(keep)
	require.NoError(t, err)
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	return &planCase{keep: r, options: policy.PlanOptions{Location: loc, FloorCount: 3}}
}

func TestThreeYearsOfNights(t *testing.T) {
	t.Parallel()
	c := newCase(t, "16d,4w,12m,2y", "Europe/Amsterdam")
	// Half past one in the night, through six changes of the clocks.
	live(t, c, time.Date(2024, 1, 1, 1, 30, 0, 0, c.options.Location), 3*366, nextDay)
	// 16 days up to 2 January 2027; the week that ended on 13 December, the
	// fourth one; ten months before the last two; and both years
	// have a day.
	require.Len(t, c.snapshots, 16+1+10, "%v", names(c.snapshots))
	oldest := c.snapshots[len(c.snapshots)-1].Time().In(c.options.Location)
	require.Equal(t, "2026-02-28", oldest.Format(time.DateOnly))
}

func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	c := newCase(t, "7d,4w,6m", "UTC")
	c.options.FloorAge = 10 * policy.Day
	start := time.Date(2026, 1, 1, 1, 30, 0, 0, time.UTC)
	live(t, c, start, 300, nextDay)
	before := len(c.snapshots)

	jumped := start.AddDate(1, 10, 0)
	c.options.Now = jumped
	require.Len(t, remaining(policy.Plan(c.snapshots, c.keep, c.options)), before, "a year later, all stay")
	c.add(jumped, policy.StateOK)
	decisions := policy.Plan(c.snapshots, c.keep, c.options)
	require.Len(t, remaining(decisions), before+1, "so do they beside a new one")
	require.Contains(t, render(decisions), "the clock may have jumped")

	back := start.AddDate(0, 0, 301)
	c.options.Now = back
	c.add(back, policy.StateOK)
	decisions = policy.Plan(c.snapshots, c.keep, c.options)
	checkGuarantees(t, *c, decisions)
	require.Equal(t, []string{"dated in the future"}, decisions[0].Reasons)
	require.Contains(t, decisions[1].Reasons, policy.ReasonNewestGood)
}

func TestDeadHostKeepsEverything(t *testing.T) {
	t.Parallel()
	c := newCase(t, "7d,4w", "UTC")
	live(t, c, time.Date(2026, 1, 1, 1, 30, 0, 0, time.UTC), 60, nextDay)
	before := names(c.snapshots)
	c.options.Now = c.options.Now.AddDate(5, 0, 0)
	require.Equal(t, before, names(remaining(policy.Plan(c.snapshots, c.keep, c.options))))
}

func TestHourlyThroughAutumn(t *testing.T) {
	t.Parallel()
	c := newCase(t, "24h", "Europe/Amsterdam")
	start := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
	live(t, c, start, 48, func(t time.Time) time.Time { return t.Add(time.Hour) })
	require.Len(t, c.snapshots, 24, "the hour that happens twice is two hours")
}

func TestPlanShare(t *testing.T) {
	t.Parallel()
	require.Zero(t, policy.PlanShare(nil))
	yes, no := policy.Decision{Keep: true}, policy.Decision{}
	for _, d := range []*policy.Decision{&yes, &no} {
		d.Snapshot.Name = "daily-202601010000"
	}
	foreign := policy.Decision{Keep: true, Snapshot: policy.Snapshot{Name: "before-upgrade"}}
	require.InDelta(t, 0.25, policy.PlanShare([]policy.Decision{yes, yes, yes, no, foreign}), 1e-9)
}

func names(snapshots []policy.Snapshot) []string {
	list := make([]string, len(snapshots))
	for i, s := range snapshots {
		list[i] = s.Name
	}
	return list
}

// randomCase makes a case that no operator would have, from a seed.
func randomCase(seed uint64) planCase {
	r := rand.New(rand.NewPCG(seed, 1))
	zones := []string{"UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"}
	loc, err := time.LoadLocation(zones[r.IntN(len(zones))])
	if err != nil {
		panic(err)
	}
	c := planCase{
		keep: policy.Retention{
			Hourly: r.IntN(5), Daily: r.IntN(8), Weekly: r.IntN(5), Monthly: r.IntN(5), Yearly: r.IntN(4),
		},
		options: policy.PlanOptions{
			Now: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), Location: loc,
			FloorCount: r.IntN(5), FloorAge: policy.Interval(r.IntN(5)) * policy.Day,
		},
	}
	states := []string{"", policy.StateOK, policy.StateOK, policy.StateWarning, policy.StatePartial, policy.StateSuspect, "odd"}
	steps := []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 31 * 24 * time.Hour}
	at := c.options.Now.Add(time.Duration(r.IntN(3)-1) * 24 * time.Hour)
	scale := steps[r.IntN(len(steps))]
	for range r.IntN(60) {
		s := policy.Snapshot{Created: at, State: states[r.IntN(len(states))], Held: r.IntN(12) == 0}
		switch r.IntN(12) {
		case 0:
			s.Name = "foreign-" + at.UTC().Format(time.RFC3339)
		case 1:
			s.Name = c.name(at, "by-hand")
		case 2:
			s.Name = "planb-" + at.UTC().Format("20060102T1504Z")
		default:
			s.Name = c.name(at, "")
		}
		c.snapshots = append(c.snapshots, s)
		at = at.Add(-time.Duration(r.Int64N(int64(3 * scale))))
	}
	r.Shuffle(len(c.snapshots), func(i, j int) { c.snapshots[i], c.snapshots[j] = c.snapshots[j], c.snapshots[i] })
	return c
}

func FuzzPlan(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := randomCase(seed)
		before := slices.Clone(c.snapshots)
		checkGuarantees(t, c, policy.Plan(c.snapshots, c.keep, c.options))
		require.Equal(t, before, c.snapshots, "a plan changes nothing")
	})
}

func TestAPlanThatRemovesMostAsksFirst(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	plan := func(have, keep int) []policy.Decision {
		var list []policy.Snapshot
		for i := range have {
			list = append(list, policy.Snapshot{Name: "daily-" + now.AddDate(0, 0, -i).Format("200601021504"), State: policy.StateOK})
		}
		return policy.Plan(list, policy.Retention{Daily: keep}, policy.PlanOptions{Now: now})
	}
	require.True(t, policy.AsksFirst(plan(20, 3)))
	require.False(t, policy.AsksFirst(plan(20, 10)), "just half")
	require.False(t, policy.AsksFirst(plan(6, 1)), "few")
	require.False(t, policy.AsksFirst(plan(3, 3)))
}

func TestPruningStopped(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 11, 23, 2, 0, 0, 0, time.UTC)
	good := policy.Snapshot{Name: "daily-202611220130", State: policy.StateOK}
	require.Empty(t, policy.PruningStopped(nil, now))
	require.Empty(t, policy.PruningStopped([]policy.Snapshot{good}, now))
	require.Contains(t, policy.PruningStopped([]policy.Snapshot{good, {Name: "daily-202611230130", State: policy.StateSuspect}}, now), "accept or reject")
	require.Contains(t, policy.PruningStopped([]policy.Snapshot{good, {Name: "daily-202711230130", State: policy.StateOK}}, now), "the clock may have jumped")
}
