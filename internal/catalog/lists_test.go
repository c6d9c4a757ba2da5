package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

// What lists say in SQL is what policy.HealthOf says, whatever happened to hosts.
func TestHealthInListsIsThatOfThePolicy(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	random := rand.New(rand.NewPCG(3, 14))
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	var hosts []catalog.Host
	for i := range 60 {
		hosts = append(hosts, addHost(t, s, ident.Host{Group: one("acme", "beta", "core"), Name: fmt.Sprintf("host%d", i)}))
	}
	set := func(sc catalog.Scope, name, value string) {
		require.NoError(t, s.EditSettings(t.Context(), sc, func(set *policy.Settings) error { return set.Set(name, value) }))
	}
	agree := func(now time.Time) {
		t.Helper()
		want, err := s.Overview(t.Context(), catalog.HostFilter{}, now)
		require.NoError(t, err)
		got, err := s.HostPage(t.Context(), catalog.HostQuery{Visible: catalog.Everything(), Now: now, Limit: 100})
		require.NoError(t, err)
		require.Len(t, got.Hosts, len(want))
		counts := map[policy.Health]int{}
		for i, h := range want {
			require.Equal(t, h, got.Hosts[i].HostOverview)
			counts[h.Health]++
		}
		require.Equal(t, counts, got.Health)
	}
	set(catalog.OfSystem(), "timezone", "Europe/Amsterdam")
	for round := range 12 {
		h := hosts[random.IntN(len(hosts))]
		switch round % 4 {
		case 0:
			set(catalog.OfSystem(), "every", one("1d", "12h", "1w", "3d"))
		case 1:
			set(catalog.OfGroup(h.Group), "window", one("22:00-06:00", "mon-fri 20:00-04:00", "sat 01:00-05:00"))
		case 2:
			set(catalog.OfHost(h.Ident()), "every", one("15m", "1h", "4w"))
		case 3:
			to := ident.Host{Group: one("acme", "beta", "core"), Name: h.Name}
			_, err := s.RenameHost(t.Context(), h.ID, to, "", "")
			require.NoError(t, err)
			for i := range hosts {
				if hosts[i].ID == h.ID {
					hosts[i].Group = to.Group
				}
			}
		}
		for range 25 {
			h := hosts[random.IntN(len(hosts))]
			at := base.Add(time.Duration(random.IntN(30*24*3600)) * time.Second)
			r := start(h, fmt.Sprintf("%d-%d", round, random.Int64()))
			r.Host, r.Started = h.Ident(), at
			r.Kind = one("backup", "backup", "backup", "restore")
			require.NoError(t, s.BeginRun(t.Context(), r))
			switch random.IntN(6) {
			case 0:
				require.NoError(t, s.SetWaiting(t.Context(), r, "do-not-run.d", at.Add(time.Hour)))
				require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: policy.StateSkipped, Finished: at}))
			case 1:
				list := []catalog.Snapshot{{Name: "daily-202611240130", Created: at, State: catalog.Text(one("ok", "partial", "suspect"))}}
				require.NoError(t, s.ReplaceSnapshots(t.Context(), h.ID, list, at))
				fallthrough
			default:
				end := catalog.RunEnd{
					State: one("ok", "warning", "partial", "failed", "cancelled", "skipped"), Finished: at.Add(time.Minute),
					Snapshot: "daily-202611240130", SnapshotCreated: &at, Message: "done",
				}
				require.NoError(t, s.FinishRun(t.Context(), r, end))
			}
		}
		_, err := s.SetEnabled(t.Context(), hosts[random.IntN(len(hosts))].Ident(), random.IntN(3) > 0, "moving")
		require.NoError(t, err)
		for range 5 {
			agree(base.Add(time.Duration(random.IntN(60*24*3600)) * time.Second))
		}
	}
	// To the very second of the ages.
	o, err := s.Overview(t.Context(), catalog.HostFilter{}, base)
	require.NoError(t, err)
	for _, h := range o {
		if h.LastGood == nil {
			continue
		}
		e, err := s.Effective(t.Context(), ident.Host{Group: h.Group, Name: h.Name})
		require.NoError(t, err)
		late, failing := policy.HealthAges(e.Timetable("").LongestGap())
		for _, age := range []time.Duration{late, failing} {
			agree(h.LastGood.Add(age))
			agree(h.LastGood.Add(age + time.Microsecond))
		}
		agree(h.LastGood.Add(-10 * time.Minute))
		agree(h.LastGood.Add(-10*time.Minute - time.Microsecond))
		break
	}
	changed, err := s.RefreshStandings(t.Context())
	require.NoError(t, err)
	require.Zero(t, changed, "a change of policy left rows behind")
}

func TestHostPageSearchesFiltersSortsAndPages(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	for i, name := range []string{"acme/web1", "acme/web2", "beta/db1", "beta/web1"} {
		host, err := ident.ParseHost(name)
		require.NoError(t, err)
		h := addHost(t, s, host)
		require.NoError(t, s.SetSizes(t.Context(), h.ID, catalog.Sizes{UsedBytes: int64(100 - i), At: base}))
		if i > 1 {
			require.NoError(t, s.FinishRun(t.Context(), start(h, fmt.Sprint("r", i)), catalog.RunEnd{State: "ok", Finished: base, Snapshot: "x"}))
		}
	}
	_, err := s.EditHost(t.Context(), ident.Host{Group: "acme", Name: "web2"}, catalog.HostEdit{
		Tags: &[]string{"Prod"}, Notes: new("rack 100%_"), Storage: new("tank/BACKUP"),
	})
	require.NoError(t, err)
	for _, c := range []struct {
		q    catalog.HostQuery
		want string
		seen []string // nil sees everything
	}{
		{catalog.HostQuery{}, "acme/web1 acme/web2 beta/db1 beta/web1 4", nil},
		{catalog.HostQuery{Descending: true}, "beta/web1 beta/db1 acme/web2 acme/web1 4", nil},
		{catalog.HostQuery{Sort: "used"}, "beta/web1 beta/db1 acme/web2 acme/web1 4", nil},
		{catalog.HostQuery{Sort: "health"}, "acme/web1 acme/web2 beta/db1 beta/web1 4", nil},
		{catalog.HostQuery{Sort: "health", Descending: true, Limit: 2}, "beta/db1 beta/web1 4", nil},
		{catalog.HostQuery{Sort: "last_good"}, "beta/db1 beta/web1 acme/web1 acme/web2 4", nil},
		{catalog.HostQuery{Sort: "no; such"}, "acme/web1 acme/web2 beta/db1 beta/web1 4", nil},
		{catalog.HostQuery{Limit: 2, Offset: 1}, "acme/web2 beta/db1 4", nil},
		{catalog.HostQuery{Group: "beta"}, "beta/db1 beta/web1 2", nil},
		{catalog.HostQuery{Group: "acme"}, "0", []string{"beta"}},
		{catalog.HostQuery{}, "acme/web1 acme/web2 2", []string{"acme", "core"}},
		{catalog.HostQuery{}, "0", []string{}},
		{catalog.HostQuery{Search: "WEB acme"}, "acme/web1 acme/web2 2", nil},
		{catalog.HostQuery{Search: "db1.example"}, "beta/db1 1", nil},
		{catalog.HostQuery{Search: "prod"}, "acme/web2 1", nil},
		{catalog.HostQuery{Search: "100%_"}, "acme/web2 1", nil},
		{catalog.HostQuery{Search: "%"}, "acme/web2 1", nil},
		{catalog.HostQuery{Tag: "Prod"}, "acme/web2 1", nil},
		{catalog.HostQuery{Storage: "store1:tank/BACKUP"}, "acme/web2 1", nil},
		{catalog.HostQuery{State: "ok"}, "beta/db1 beta/web1 2", nil},
		{catalog.HostQuery{Health: []policy.Health{"never", "late"}}, "acme/web1 acme/web2 2", nil},
	} {
		c.q.Visible = catalog.Everything()
		if c.seen != nil {
			c.q.Visible = catalog.OnlyGroups(c.seen...)
		}
		c.q.Now = base.Add(time.Hour)
		list, err := s.HostPage(t.Context(), c.q)
		require.NoError(t, err)
		got := ""
		for _, h := range list.Hosts {
			got += h.Host + " "
		}
		require.Equal(t, c.want, got+fmt.Sprint(list.Total), "%+v", c.q)
	}
	for _, by := range catalog.HostSorts() {
		_, err := s.HostPage(t.Context(), catalog.HostQuery{Visible: catalog.Everything(), Sort: by, Descending: true, Now: base})
		require.NoError(t, err, by)
	}
}

func TestAttentionPutsTheWorstFirst(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	now := base.Add(36 * time.Hour)
	end := func(name, state string, finished time.Time) {
		h := addHost(t, s, ident.Host{Group: "acme", Name: name})
		r := start(h, name)
		r.Started = finished
		require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: state, Finished: finished, Snapshot: "s", Message: "m", Remedy: "r"}))
	}
	end("fine", "ok", now)
	end("late", "ok", base)
	end("never", "failed", base)
	end("dead", "ok", base.AddDate(0, 0, -3))
	waiting := addHost(t, s, ident.Host{Group: "acme", Name: "waiting"})
	require.NoError(t, s.FinishRun(t.Context(), start(waiting, "w1"), catalog.RunEnd{State: "ok", Finished: now, Snapshot: "s"}))
	r := start(waiting, "w2")
	r.Started = now
	require.NoError(t, s.SetWaiting(t.Context(), r, "an upgrade", now.Add(time.Hour)))
	off := addHost(t, s, ident.Host{Group: "acme", Name: "off"})
	_, err := s.SetEnabled(t.Context(), off.Ident(), false, "moving")
	require.NoError(t, err)

	a, err := s.Attention(t.Context(), catalog.Everything(), now, 10)
	require.NoError(t, err)
	var got []string
	for _, h := range a.Hosts {
		got = append(got, h.Name+" "+string(h.Health))
	}
	require.Equal(t, []string{"dead failing", "never never", "late late", "waiting ok"}, got)
	require.Equal(t, catalog.Text("r"), a.Hosts[0].EndedRemedy)
	require.Equal(t, catalog.Text("an upgrade"), a.Hosts[3].Message)
	require.True(t, now.Add(time.Hour).Equal(*a.Hosts[3].NextTry))
	require.Equal(t, 4, a.Total)
	require.Equal(t, 6, a.All())
	require.Equal(t, map[policy.Health]int{"ok": 2, "late": 1, "never": 1, "failing": 1, "paused": 1}, a.Health)
	require.Equal(t, 1, a.Waiting)
	require.Equal(t, map[string]int{"ok": 1}, a.Since)

	a, err = s.Attention(t.Context(), catalog.OnlyGroups("other"), now, 10)
	require.NoError(t, err)
	require.Zero(t, a.All()+len(a.Hosts)+len(a.Since))
}

func TestRunPagesFollowOnEachOtherWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	hosts := []catalog.Host{addHost(t, s, web1), addHost(t, s, ident.Host{Group: "beta", Name: "db"}), addHost(t, s, ident.Host{Group: "core", Name: "gone"})}
	for i := range 30 {
		r := start(hosts[i%3], fmt.Sprintf("run-%02d", i))
		r.Started = base.Add(time.Duration(i/4) * time.Hour) // some at the same time
		require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: []string{"ok", "failed"}[i%2], Finished: r.Started, Detail: []byte(`{"x": 1}`)}))
	}
	_, err := s.RemoveHost(t.Context(), hosts[2].ID, "")
	require.NoError(t, err)
	all := func(q catalog.RunQuery) (ids []string) {
		q.Limit = 4
		for {
			list, err := s.RunPage(t.Context(), q)
			require.NoError(t, err)
			for _, r := range list.Runs {
				ids = append(ids, r.ID)
				require.JSONEq(t, `{}`, string(r.Detail))
			}
			if list.Next == nil {
				return ids
			}
			next, err := catalog.ParseRunPlace(list.Next.String())
			require.NoError(t, err)
			require.Equal(t, *list.Next, next)
			q.After = &next
		}
	}
	everything := all(catalog.RunQuery{Visible: catalog.Everything()})
	require.Len(t, everything, 30)
	require.IsDecreasing(t, everything)
	require.Equal(t, everything, all(catalog.RunQuery{Visible: catalog.OnlyGroups("acme", "beta", "core")}))
	require.Len(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("acme", "beta")}), 20)
	require.Len(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("core")}), 10)
	require.Len(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("acme"), State: "failed"}), 5)
	require.Len(t, all(catalog.RunQuery{Visible: catalog.Everything(), Host: ident.Host{Group: "core", Name: "gone"}}), 10)
	require.Empty(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("beta"), Host: web1}))
	require.Empty(t, all(catalog.RunQuery{}))
	require.Len(t, all(catalog.RunQuery{Visible: catalog.Everything(), Since: base.Add(time.Hour), Until: base.Add(2 * time.Hour)}), 4)

	// A run belongs to whoever has its host now.
	_, err = s.EnsureGroup(t.Context(), "new")
	require.NoError(t, err)
	_, err = s.RenameHost(t.Context(), hosts[0].ID, ident.Host{Group: "new", Name: "web1"}, "", "")
	require.NoError(t, err)
	require.Empty(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("acme")}))
	require.Len(t, all(catalog.RunQuery{Visible: catalog.OnlyGroups("new")}), 10)

	for _, wrong := range []string{"", ".", "1", "1.", "x.y", "-1.a", "1.a b", "99999999999999999.a", "1.a'"} {
		_, err := catalog.ParseRunPlace(wrong)
		require.True(t, catalog.IsInvalid(err), wrong)
	}
}

func TestCalendarTellsTheWorstAndTheLastOfEachDay(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	now := time.Date(2026, 10, 26, 12, 0, 0, 0, zone) // clocks went back the day before
	days := catalog.Days(now, zone, 3)
	require.Equal(t, []time.Duration{24 * time.Hour, 25 * time.Hour, 24 * time.Hour},
		[]time.Duration{days[1].Sub(days[0]), days[2].Sub(days[1]), days[3].Sub(days[2])})
	h := addHost(t, s, web1)
	end := func(id, state string, at time.Time) {
		r := start(h, id)
		r.Started = at
		require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: state, Finished: at}))
	}
	end("before", "failed", days[0].Add(-time.Second))
	end("d0-fail", "failed", days[0])
	end("d0-ok", "ok", days[1].Add(-time.Second))
	end("d0-skip", "skipped", days[1].Add(-time.Second))
	end("d1-ok", "ok", days[2].Add(-time.Second))
	end("d1-warn", "warning", days[1].Add(time.Hour))
	got, err := s.Calendar(t.Context(), []string{h.ID}, days)
	require.NoError(t, err)
	require.Equal(t, map[string][]catalog.DayRuns{h.ID: {
		{Day: 0, Runs: 2, WorstRun: "d0-fail", WorstState: "failed", LastRun: "d0-ok", LastState: "ok"},
		{Day: 1, Runs: 2, WorstRun: "d1-warn", WorstState: "warning", LastRun: "d1-ok", LastState: "ok"},
	}}, got)
	got, err = s.Calendar(t.Context(), nil, days)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestStorageRoomsTellGrowthAndThinTheirSamples(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	const tb = 1_000_000_000_000
	now := base
	for h := 40 * 24; h >= 0; h -= 3 {
		at := now.Add(-time.Duration(h) * time.Hour)
		used := int64(5*tb) - int64(h)*tb/24/10 // a tenth of a TB more a day
		for range 2 {
			require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{
				Server: "store1", Dataset: "tank/BACKUP", UsedBytes: &used, FreeBytes: new(10*tb - used), SizeBytes: new(int64(10 * tb)),
				SeenAt: at, PullSlots: new(4),
			}))
		}
	}
	// Others register without knowing how many transfers the server does.
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", SeenAt: now}))
	rooms, err := s.StorageRooms(t.Context(), catalog.Everything(), now)
	require.NoError(t, err)
	require.Len(t, rooms, 1)
	require.Equal(t, 4, *rooms[0].PullSlots)
	require.InDelta(t, tb/10, *rooms[0].GrowthPerDay, tb/1000)
	require.WithinDuration(t, now.AddDate(0, 0, 50), *rooms[0].FullAt, 24*time.Hour)
	require.InDelta(t, 26+14*8, len(rooms[0].Samples), 10, "hourly for two weeks, daily before")

	none, err := s.StorageRooms(t.Context(), catalog.OnlyGroups("acme"), now)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = s.EnsureGroup(t.Context(), "acme")
	require.NoError(t, err)
	_, err = s.AddHost(t.Context(), catalog.NewHost{Host: web1, Address: "web1.example", Storage: "tank/BACKUP"})
	require.NoError(t, err)
	seen, err := s.StorageRooms(t.Context(), catalog.OnlyGroups("acme"), now)
	require.NoError(t, err)
	require.Len(t, seen, 1)
}

func TestStartsAndTheLoadTheyMake(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	hourly := addHost(t, s, ident.Host{Group: "beta", Name: "db"})
	off := addHost(t, s, ident.Host{Group: "beta", Name: "off"})
	_, err := s.SetEnabled(t.Context(), off.Ident(), false, "gone")
	require.NoError(t, err)
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(hourly.Ident()), func(set *policy.Settings) error { return set.Set("every", "1h") }))
	r := start(h, "a")
	require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: "ok", Finished: r.Started.Add(90 * time.Minute)}))
	until := base.Add(24 * time.Hour)
	starts, err := s.Starts(t.Context(), catalog.Everything(), base, until)
	require.NoError(t, err)
	require.Len(t, starts, 25)
	for _, st := range starts {
		require.False(t, st.At.Before(base) || !st.At.Before(until))
		if st.Host == web1 {
			o, err := s.HostOverview(t.Context(), web1, base)
			require.NoError(t, err)
			require.True(t, st.At.Equal(*o.NextRun))
			require.Equal(t, 90*time.Minute, st.Takes)
		}
	}
	own, err := s.Starts(t.Context(), catalog.OnlyGroups("acme"), base, until)
	require.NoError(t, err)
	require.Len(t, own, 1)

	own[0].At = base.Add(50 * time.Minute)
	load := catalog.LoadOver(own, base, base.Add(3*time.Hour), time.Hour)
	require.Len(t, load, 3)
	require.Equal(t, 1, load[0].Starts)
	require.InDelta(t, 10.0/60, load[0].Busy, 1e-9)
	require.InDelta(t, 1, load[1].Busy, 1e-9)
	require.InDelta(t, 20.0/60, load[2].Busy, 1e-9)
	require.Nil(t, catalog.LoadOver(own, base, base, time.Hour))
}

func TestAuditPageShowsWhatIsVisible(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	alice := catalog.WithActor(t.Context(), "alice (web)")
	for _, group := range []string{"acme", "beta"} {
		_, err := s.AddGroup(alice, group, catalog.GroupEdit{})
		require.NoError(t, err)
		_, err = s.AddHost(t.Context(), catalog.NewHost{Host: ident.Host{Group: group, Name: "web1"}, Address: "x.example"})
		require.NoError(t, err)
	}
	require.NoError(t, s.NoteChange(t.Context(), "run1", "user.add", "acme", nil)) // a user of that name
	count := func(q catalog.AuditQuery) (n int) {
		q.Limit = 1
		for {
			list, err := s.AuditPage(t.Context(), q)
			require.NoError(t, err)
			n += len(list.Entries)
			if list.Next == 0 {
				return n
			}
			q.Before = list.Next
		}
	}
	everything := count(catalog.AuditQuery{Visible: catalog.Everything()})
	require.Equal(t, 7, everything) // group, settings of the host, host; twice; and the user
	require.Equal(t, 3, count(catalog.AuditQuery{Visible: catalog.OnlyGroups("acme")}))
	require.Equal(t, 3, count(catalog.AuditQuery{Visible: catalog.Everything(), Group: "beta"}))
	require.Equal(t, 0, count(catalog.AuditQuery{Visible: catalog.OnlyGroups("acme"), Group: "beta"}))
	require.Equal(t, 2, count(catalog.AuditQuery{Visible: catalog.Everything(), Actor: "alice (web)"}))
	require.Equal(t, 2, count(catalog.AuditQuery{Visible: catalog.Everything(), Action: "host"}))
	require.Equal(t, 2, count(catalog.AuditQuery{Visible: catalog.Everything(), Action: "group.add"}))
	require.Equal(t, 2, count(catalog.AuditQuery{Visible: catalog.Everything(), Subject: "acme/web1"}))
	require.Equal(t, 0, count(catalog.AuditQuery{Visible: catalog.Everything(), Since: time.Now().Add(time.Hour)}))
	require.Equal(t, 0, count(catalog.AuditQuery{}))
}
