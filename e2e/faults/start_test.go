//go:build faults

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"planb/e2e/harness"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/workflows"
)

// Of two who start a backup of one host, one is told.
func TestTwoStartsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, "two/starts", 3*mib, "--bandwidth", "1M")
	most := harness.Watch(t, h.data())
	results := make(chan harness.Result)
	for range 2 {
		go func() { results <- stack.Try(t, "backup", h.name) }()
	}
	one, two := <-results, <-results
	if one.Code != 0 {
		one, two = two, one
	}
	require.Zero(t, one.Code, one.Stderr)
	require.Equal(t, 4, two.Code, two.Stderr)
	require.Contains(t, two.Stderr, "a backup of two/starts is under way already")
	runs, err := theCatalog(t).Runs(t.Context(), catalog.RunFilter{Host: mustParse(t, h.name)})
	require.NoError(t, err)
	require.LessOrEqual(t, len(runs), 1)
	eventually(t, func() bool {
		runs, err = theCatalog(t).Runs(t.Context(), catalog.RunFilter{Host: mustParse(t, h.name)})
		return err == nil && len(runs) == 1
	}, "no run")
	h.requireGood(t, h.ended(t, runs[0].ID))
	h.requireOneRun(t)
	require.Equal(t, 1, most())
}

// The schedule fires during a run by hand: that is on record as a skip.
func TestScheduleFiresDuringARun(t *testing.T) {
	t.Parallel()
	h := newHost(t, "schedule/fires", 4*mib, "--bandwidth", "1M")
	most := harness.Watch(t, h.data())
	run := h.startPull(t)
	schedule := temporal(t).ScheduleClient().GetHandle(within(t), workflows.ScheduleID(mustParse(t, h.name)))
	// Temporal's own scheduler may be between two of its runs.
	eventually(t, func() bool { return schedule.Trigger(within(t), client.ScheduleTriggerOptions{}) == nil }, "the schedule does not fire")
	var skipped []catalog.Run
	eventually(t, func() bool {
		var err error
		skipped, err = theCatalog(t).Runs(t.Context(), catalog.RunFilter{Host: mustParse(t, h.name), State: policy.StateSkipped})
		return err == nil && len(skipped) == 1
	}, "no skip is on record")
	require.Equal(t, "schedule", skipped[0].Trigger)
	require.Empty(t, skipped[0].Snapshot)
	requireStory(t, skipped[0].ID, "state skipped", "the backup before it was still under way")
	h.requireGood(t, h.ended(t, run))
	require.Equal(t, 1, most())
	require.Equal(t, 1, rsyncs(t, run))
}

// Somebody else took snapshots under the very names that the run could give
// its own: they stay as they are, and none passes for that of the run.
func TestSnapshotOfTheWantedNameIsThere(t *testing.T) {
	t.Parallel()
	h := newHost(t, "snapshot/there", 3*mib, "--bandwidth", "1M")
	run := h.startPull(t)
	for minute := range 4 {
		at := time.Now().UTC().Add(time.Duration(minute) * time.Minute)
		harness.ZFS(t, "snapshot", fmt.Sprintf("%s@yearly-%s", h.dataset(), at.Format("200601021504")))
	}
	foreign := harness.Snapshots(t, h.dataset())
	r := h.ended(t, run)
	require.Equal(t, policy.StateFailed, r.State, "%s", &story{t, run})
	require.Empty(t, r.Snapshot)
	require.Equal(t, foreign, harness.Snapshots(t, h.dataset()))
	requireStory(t, run, "state failed", "is there already, from another run", "what to do back the host up again")

	stack.Must(t, "host", "edit", h.name, "--bandwidth", "0")
	h.requireGood(t, h.ended(t, h.start(t)))
}
