package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/policy"
)

// told is what a host went through, and the notices of it since the last look.
type told struct {
	t    *testing.T
	s    *catalog.Store
	h    catalog.Host
	now  time.Time
	runs int
	last int64
}

func newTold(t *testing.T) *told {
	t.Helper()
	s := catalogtest.Store(t)
	// The catalog dates what is added by its own clock; all happens after that.
	x := &told{t: t, s: s, h: addHost(t, s, web1), now: time.Now().Add(time.Hour).Truncate(time.Second)}
	return x
}

func (x *told) listing(suspect bool) {
	x.t.Helper()
	list := []catalog.Snapshot{{Name: "daily-" + x.now.UTC().Format("200601021504"), Created: x.now, State: policy.StateOK}}
	if suspect {
		list[0].State = policy.StateSuspect
	}
	require.NoError(x.t, x.s.ReplaceSnapshots(x.t.Context(), x.h.ID, list, x.now))
}

// does has something happen to the host.
func (x *told) does(what string) {
	x.t.Helper()
	x.now = x.now.Add(time.Minute)
	ctx := x.t.Context()
	switch what {
	case "ok", "warning", "partial", "failed", "skipped", "cancelled", "suspect", "suspect-unlisted":
		x.runs++
		r := start(x.h, fmt.Sprintf("run-%d", x.runs))
		r.Started = x.now
		e := catalog.RunEnd{State: what, Finished: x.now.Add(time.Second), Message: "cause of " + what, Remedy: "remedy", Ping: true}
		if what == "ok" || what == "warning" || what == "partial" {
			e.Snapshot = "daily-" + x.now.UTC().Format("200601021504")
			x.listing(false)
		}
		if what == "suspect" || what == "suspect-unlisted" {
			e.State, e.Suspect, e.Snapshot = policy.StateWarning, true, "daily-"+x.now.UTC().Format("200601021504")
			if what == "suspect" {
				x.listing(true)
			}
		}
		require.NoError(x.t, x.s.BeginRun(ctx, r))
		for range 2 { // an activity may run twice
			require.NoError(x.t, x.s.FinishRun(ctx, r, e))
		}
	case "decided":
		x.listing(false)
		require.NoError(x.t, x.s.SettleHost(ctx, x.h.ID, x.now))
	case "time passes":
		x.now = x.now.Add(40 * time.Hour)
		x.watch()
	case "mismatch", "proven":
		x.runs++
		v := evidence(x.h, fmt.Sprintf("verify-%d", x.runs), what, x.now)
		require.NoError(x.t, x.s.RecordVerification(ctx, v))
		require.NoError(x.t, x.s.RecordVerification(ctx, v))
	case "disable", "enable":
		for range 2 {
			_, err := x.s.SetEnabled(ctx, web1, what == "enable", "being moved")
			require.NoError(x.t, err)
		}
	default:
		x.t.Fatal(what)
	}
}

func (x *told) watch() catalog.Watched {
	x.t.Helper()
	w, err := x.s.WatchHosts(x.t.Context(), catalog.LongRuns{Factor: 3, Least: time.Hour}, x.now)
	require.NoError(x.t, err)
	return w
}

// since gives the kinds of notices since the last call, in order.
func (x *told) since(all bool) []string {
	x.t.Helper()
	list, err := x.s.Notices(x.t.Context(), catalog.NoticeQuery{Visible: catalog.Everything(), All: all, Limit: 100})
	require.NoError(x.t, err)
	kinds := []string{}
	for _, n := range list.Notices {
		if n.ID > x.last {
			kinds = append([]string{n.Kind}, kinds...)
		}
	}
	if len(list.Notices) > 0 {
		x.last = max(x.last, list.Notices[0].ID)
	}
	return kinds
}

// Each change of a host's state is told once; what stays as it is never.
func TestChangesOfAHostsState(t *testing.T) {
	t.Parallel()
	// From each state to each: what is told when it gets there.
	to := []string{"ok", "warning", "partial", "failed", "suspect", "skipped", "cancelled", "time passes", "mismatch", "disable"}
	for from, want := range map[string][][]string{
		//             ok            warning        partial       failed       suspect       skipped cancelled time         mismatch       disable
		"":               {{"first_success"}, {"first_success"}, {"partial"}, {"failed"}, {"suspect"}, {}, {}, {"late"}, {"mismatch"}, {"disabled"}},
		"ok":             {{}, {}, {"partial"}, {"failed"}, {"suspect"}, {}, {}, {"late"}, {"mismatch"}, {"disabled"}},
		"warning":        {{}, {}, {"partial"}, {"failed"}, {"suspect"}, {}, {}, {"late"}, {"mismatch"}, {"disabled"}},
		"partial":        {{"first_success"}, {"first_success"}, {}, {"failed"}, {"suspect"}, {}, {}, {"partial"}, {"mismatch"}, {"disabled"}},
		"failed":         {{"first_success"}, {"first_success"}, {"partial"}, {}, {"suspect"}, {}, {}, {"failed"}, {"mismatch"}, {"disabled"}},
		"ok,failed":      {{"recovered"}, {"recovered"}, {"partial"}, {}, {"suspect"}, {}, {}, {"failed"}, {"mismatch"}, {"disabled"}},
		"ok,partial":     {{"recovered"}, {"recovered"}, {}, {"failed"}, {"suspect"}, {}, {}, {"partial"}, {"mismatch"}, {"disabled"}},
		"ok,time passes": {{"recovered"}, {"recovered"}, {"partial"}, {"failed"}, {"suspect"}, {}, {}, {"late"}, {"mismatch"}, {"disabled"}},
		"ok,mismatch":    {{}, {}, {"partial"}, {"failed"}, {"suspect"}, {}, {}, {"late", "mismatch"}, {}, {"disabled"}},
		// The snapshot is gone from the next listing, as after a decision.
		"ok,suspect": {{"recovered"}, {"recovered"}, {"partial"}, {"failed"}, {}, {}, {}, {"suspect"}, {"mismatch"}, {"disabled"}},
		"ok,disable": {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}},
	} {
		t.Run("from "+from, func(t *testing.T) {
			t.Parallel()
			for i, next := range to {
				t.Run("to "+next, func(t *testing.T) {
					t.Parallel()
					x := newTold(t)
					for _, step := range split(from) {
						x.does(step)
					}
					x.since(false)
					x.does(next)
					require.Equal(t, want[i], x.since(false))
					x.watch()
					require.Empty(t, x.since(false), "nothing changed")
				})
			}
		})
	}
}

func split(list string) (parts []string) {
	for list != "" {
		i := 0
		for i < len(list) && list[i] != ',' {
			i++
		}
		parts = append(parts, list[:i])
		list = list[min(len(list), i+1):]
	}
	return parts
}

func TestStoriesOfHosts(t *testing.T) {
	t.Parallel()
	type step struct {
		does string
		told []string
	}
	none := []string{}
	for name, story := range map[string][]step{
		"night after night": {
			{"ok", []string{"first_success"}},
			{"failed", []string{"failed"}},
			{"failed", none},
			{"partial", []string{"partial"}},
			{"partial", none},
			{"failed", []string{"failed"}},
			{"ok", []string{"recovered"}},
			{"ok", none},
		},
		"a suspect snapshot waits for a person": {
			{"ok", []string{"first_success"}},
			{"suspect-unlisted", []string{"suspect"}},
			{"time passes", []string{"suspect"}},
			{"failed", []string{"failed"}},
			{"suspect", none},
			{"decided", []string{"recovered"}},
			{"failed", []string{"failed"}},
		},
		"proven again": {
			{"ok", []string{"first_success"}},
			{"mismatch", []string{"mismatch"}},
			{"failed", []string{"failed"}},
			{"ok", none},
			{"mismatch", none},
		},
		"late, then failed, then well": {
			{"ok", []string{"first_success"}},
			{"time passes", []string{"late"}},
			{"failed", []string{"failed"}},
			{"ok", []string{"recovered"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTold(t)
			for i, s := range story {
				x.does(s.does)
				require.Equal(t, s.told, x.since(false), "step %d: %s", i, s.does)
			}
		})
	}
}

// A dead man's switch must never be told that all is well by anything but a good
// snapshot.
func TestOnlyAGoodSnapshotIsToldAsGood(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "ok", "failed", "suspect"} {
		for _, what := range []string{
			"ok", "warning", "partial", "failed", "skipped", "cancelled", "suspect", "suspect-unlisted", "decided", "time passes",
			"mismatch", "proven", "disable",
		} {
			t.Run(before+" then "+what, func(t *testing.T) {
				t.Parallel()
				x := newTold(t)
				if before != "" {
					x.does(before)
				}
				x.since(true)
				x.does(what)
				x.watch()
				good := 0
				for _, kind := range x.since(true) {
					if kind == catalog.NoticeGood {
						good++
					}
				}
				require.Equal(t, map[string]int{"ok": 1, "warning": 1}[what], good)
			})
		}
	}
	// A run that claims to be good and made no snapshot.
	x := newTold(t)
	require.NoError(t, x.s.FinishRun(t.Context(), start(x.h, runA), catalog.RunEnd{State: policy.StateOK, Finished: x.now, Ping: true}))
	closing := start(x.h, "run-closed")
	require.NoError(t, x.s.BeginRun(t.Context(), closing))
	_, err := x.s.CloseRun(t.Context(), closing.ID, policy.StateOK, x.now, "", "")
	require.NoError(t, err)
	restore := start(x.h, "run-restored")
	restore.Kind = catalog.KindRestore
	require.NoError(t, x.s.FinishRun(t.Context(), restore, catalog.RunEnd{State: policy.StateOK, Finished: x.now, Snapshot: "daily-202611230130", Ping: true}))
	require.NotContains(t, x.since(true), catalog.NoticeGood)
}

func TestNagging(t *testing.T) {
	t.Parallel()
	for every, want := range map[string]int{"0": 0, "1d": 3, "12h": 6} {
		t.Run(every, func(t *testing.T) {
			t.Parallel()
			x := newTold(t)
			_, err := x.s.EditHost(t.Context(), web1, catalog.HostEdit{Settings: func(s *policy.Settings) error { return s.Set("nag_every", every) }})
			require.NoError(t, err)
			x.does("failed")
			x.since(false)
			x.now = x.now.Add(time.Minute)
			for range 3 * 24 {
				x.now = x.now.Add(time.Hour)
				x.watch()
			}
			require.Len(t, x.since(false), want)
			x.does("ok")
			require.Equal(t, []string{"first_success"}, x.since(false))
			x.now = x.now.Add(20 * time.Hour)
			require.Zero(t, x.watch().Repeated, "what is over is not told again")
		})
	}
}

// What a host failed with before it was disabled is not told again when it is
// enabled; that it is still not backed up is, once it had the time.
func TestEnabledAgain(t *testing.T) {
	t.Parallel()
	x := newTold(t)
	x.now = time.Now().Add(-time.Hour)
	x.does("failed")
	require.Equal(t, []string{"failed"}, x.since(false))
	x.does("disable")
	x.does("failed")
	require.Equal(t, []string{"disabled"}, x.since(false))
	x.does("enable")
	require.Equal(t, []string{"enabled"}, x.since(false))
	x.watch()
	require.Empty(t, x.since(false))
	x.now = time.Now().Add(29 * time.Hour)
	x.watch()
	require.Empty(t, x.since(false))
	x.now = time.Now().Add(31 * time.Hour)
	x.watch()
	require.Equal(t, []string{"late"}, x.since(false))
}
