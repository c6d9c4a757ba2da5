package ui

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	ctx := WithFrame(context.Background(), &Frame{Now: now})
	require.NoError(t, c.Render(ctx, &b))
	return b.String()
}

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestTimesAreToldFromNow(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "just now", -30 * time.Second: "just now", 2 * time.Minute: "2 min ago", -2 * time.Minute: "in 2 min",
		89 * time.Minute: "89 min ago", 2 * time.Hour: "2 h ago", 47 * time.Hour: "2 days ago", -72 * time.Hour: "in 3 days",
		100 * 24 * time.Hour: "2026-08-16", -100 * 24 * time.Hour: "2027-03-04",
	} {
		require.Equal(t, want, Since(now.Add(-d), now), "%s", d)
	}
	require.Contains(t, render(t, When(now.Add(-time.Hour))), `datetime="2026-11-24T11:00:00Z" title="2026-11-24 11:00 UTC"`)
}

func TestNumbersAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 3 << 20: "3.0 MiB", 5 << 50: "5.0 PiB"} {
		require.Equal(t, want, Bytes(n))
	}
	require.Equal(t, "–", BytesPtr(nil))
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", -1234567: "-1\u202f234\u202f567"} {
		require.Equal(t, want, Count(n))
	}
	require.Equal(t, "1 host", Plural(1, "host", "hosts"))
	require.Equal(t, "0 hosts", Plural(0, "host", "hosts"))
	for d, want := range map[time.Duration]string{0: "0s", 61 * time.Second: "1m 1s", 90 * time.Minute: "1h 30m", 49 * time.Hour: "2d 1h"} {
		require.Equal(t, want, Duration(d))
	}
}

// Each state has a colour, an icon and its word: none is told by colour alone.
func TestStatesAreWords(t *testing.T) {
	t.Parallel()
	for _, h := range []policy.Health{policy.HealthOK, policy.HealthLate, policy.HealthFailing, policy.HealthNever, policy.HealthPaused} {
		require.Contains(t, healthLooks, h)
		html := render(t, Health(h))
		require.Contains(t, html, "<svg")
		require.Contains(t, html, string(h))
	}
	for _, s := range []string{
		policy.StateOK, policy.StateWarning, policy.StatePartial, policy.StateFailed, policy.StateSkipped, policy.StateCancelled,
		policy.StateWaiting, policy.StateRunning, policy.StateSuspect, policy.StateRejected,
	} {
		require.Contains(t, stateLooks, s)
		require.Contains(t, render(t, State(s)), s)
	}
	require.Contains(t, render(t, State("new one")), "new one")
	require.NotContains(t, render(t, State("")), "badge")
}

func TestEveryIconIsThere(t *testing.T) {
	t.Parallel()
	used := []string{"plus", "filter", "menu-2", "logout", "sun", "moon", "device-desktop", "user-circle", "check", "clock", "help-circle"}
	for _, n := range Navigation() {
		used = append(used, n.Icon)
	}
	for _, l := range healthLooks {
		used = append(used, l.icon)
	}
	for _, l := range stateLooks {
		used = append(used, l.icon)
	}
	for _, name := range used {
		require.Contains(t, icons(), name)
		require.Contains(t, icons()[name], `aria-hidden="true"`)
	}
}

func TestWhatIsShownIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>"'>`
	for _, c := range []templ.Component{
		Badge(Good, "check", evil), Alert(Bad, evil), Prose("a `" + evil + "` b"), Text(evil), Input(Field{Label: evil, Name: "x", Value: evil, Error: evil}),
		Select(Field{Name: "x"}, []Choice{{evil, evil}}), Confirm(Confirmation{Question: evil, Type: evil, Action: "javascript:alert(1)", Back: "javascript:alert(1)"}),
		Bars(evil, []Bar{{1, evil, Good}}), Sparkline(evil, []float64{1}), Page(Head{Title: evil, Crumbs: []Crumb{{evil, "javascript:alert(1)"}}}),
	} {
		html := render(t, c)
		require.NotContains(t, html, "<script>")
	}
	require.Contains(t, render(t, Prose("run `planb host list`")), "<code>planb host list</code>")
}

func TestChartsOfNothing(t *testing.T) {
	t.Parallel()
	require.NotContains(t, render(t, Sparkline("empty", nil)), "polyline")
	require.Contains(t, render(t, Sparkline("zero", []float64{0, 0})), `points="0.00,39.00 200.00,39.00"`)
	require.Contains(t, render(t, Sparkline("one", []float64{5})), `points="0.00,1.00"`)
	require.Contains(t, render(t, Bars("zero", []Bar{{0, "none", Good}})), `height="0.00"`)
	require.NotContains(t, render(t, Progress("x", 1, 0)), "value=")
	require.Contains(t, render(t, Progress("x", 1, 4)), "25 %")
}

func TestPatternTakesOnlyTheName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"acme/web1", "a.b-c_d", "x"} {
		re := regexp.MustCompile("^(?:" + patternOf(name) + ")$")
		require.True(t, re.MatchString(name))
		require.False(t, re.MatchString(strings.ReplaceAll(name, ".", "x")+"y"))
	}
}

func TestBrowsers(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"": "–",
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                         "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0":      "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/17 Safari/6": "Safari on iPhone",
		"curl/8.0": "curl", "a robot": "a robot",
	} {
		require.Equal(t, want, Browser(agent))
	}
}
