package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/fleet"
	"planb/web/webtest"
)

func TestCauseNamesTheWorstAndItsRemedy(t *testing.T) {
	t.Parallel()
	now := webtest.Start
	long := now.Add(-50 * time.Hour)
	line := func(change func(*catalog.HostLine)) catalog.HostLine {
		h := catalog.HostLine{HostOverview: catalog.HostOverview{Host: "acme/web1", State: "ok", LastGood: &long, LastRun: &long}, EndedState: "ok"}
		change(&h)
		return h
	}
	for want, h := range map[string]catalog.HostLine{
		"A verification found files": line(func(h *catalog.HostLine) {
			h.LastVerifyState, h.SuspectSince = catalog.VerifyMismatch, &long
		}),
		"A guard found the backup of 2026-11-22 10:00 UTC suspect": line(func(h *catalog.HostLine) { h.SuspectSince, h.State = &long, policy.StateWaiting }),
		"Its backup waits: an upgrade":                             line(func(h *catalog.HostLine) { h.State, h.Message, h.NextTry = policy.StateWaiting, "an upgrade", &now }),
		"No route to host.": line(func(h *catalog.HostLine) {
			h.EndedState, h.EndedMessage, h.EndedRemedy = policy.StateFailed, "No route to host.", "Look."
		}),
		"Its last backup came out partial.":  line(func(h *catalog.HostLine) { h.EndedState, h.EndedRemedy = policy.StatePartial, "Look." }),
		"It has never been backed up.":       line(func(h *catalog.HostLine) { h.EndedState, h.LastGood, h.State = "", nil, "" }),
		"The clock was ahead.":               line(func(h *catalog.HostLine) { h.HealthReason = "the clock was ahead" }),
		"Its last backup came out well, but": line(func(*catalog.HostLine) {}),
	} {
		cause, remedy := fleet.Cause(h, now)
		require.Contains(t, cause, want)
		if h.HealthReason == "" {
			require.NotEmpty(t, remedy, want)
		}
	}
	_, remedy := fleet.Cause(line(func(h *catalog.HostLine) { h.State = policy.StateRunning }), now)
	require.Contains(t, remedy, "A backup is running now, since 2 days ago")
}
