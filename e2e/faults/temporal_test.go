//go:build faults

package faults

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
)

// outage is how long Temporal is away: longer than the SDK's own heartbeats
// and its retries of results bear.
const outage = 30 * time.Second

// lasts checks that cond holds for as long as d.
func lasts(t testing.TB, d time.Duration, cond func() bool, what string) {
	t.Helper()
	require.Never(t, func() bool { return !cond() }, d, 100*time.Millisecond, what)
}

// Temporal is killed during a pull, which does not care.
func TestTemporalAwayInMidPull(t *testing.T) {
	breaks(t)
	h := newHost(t, "temporal/pull", 10*mib, "--bandwidth", "256K")
	most := harness.Watch(t, h.data())
	run := h.startPull(t)
	before := harness.Groups(harness.Writers(h.data()))
	require.NoError(t, stack.Temporal.Kill())
	had := h.pulled()
	lasts(t, outage, func() bool { return len(harness.Writers(h.data())) > 0 }, "the transfer ended with Temporal")
	require.Greater(t, h.pulled(), had)
	stack.Up(t)
	require.Equal(t, before, harness.Groups(harness.Writers(h.data())), "another rsync than before")

	h.requireGood(t, h.ended(t, run))
	h.requireOneRun(t)
	require.Equal(t, 1, most())
	require.Equal(t, 1, rsyncs(t, run))
	requireStory(t, run, "state ok", "pull")
	require.Contains(t, stack.Must(t, "run", "log", run), "Temporal did not answer for 3")
}

// The pull ends while Temporal is away. Its result waits.
func TestTemporalAwayAtTheEndOfAPull(t *testing.T) {
	breaks(t)
	h := newHost(t, "temporal/end", 2*mib, "--bandwidth", "1M")
	run := h.startPull(t)
	require.NoError(t, stack.Temporal.Kill())
	eventually(t, func() bool { return exists(stack.RunFile(run, ".pull.json")) }, "the pull does not end")
	require.Empty(t, harness.Writers(h.data()))
	require.Empty(t, harness.Snapshots(t, h.dataset()))
	lasts(t, outage, func() bool { return len(harness.Writers(h.data())) == 0 }, "pulled again")
	stack.Up(t)
	h.requireGood(t, h.ended(t, run))
	require.Equal(t, 1, rsyncs(t, run))
	requireStory(t, run, "state ok", "rsync exit code 0", "2.0 MiB")
}

// The same, and the worker is killed too before it can tell: the next one
// finds the result on its disk.
func TestWorkerAndTemporalKilledAtTheEndOfAPull(t *testing.T) {
	breaks(t)
	h := newHost(t, "temporal/both", 2*mib, "--bandwidth", "1M")
	run := h.startPull(t)
	require.NoError(t, stack.Temporal.Kill())
	eventually(t, func() bool { return exists(stack.RunFile(run, ".pull.json")) }, "the pull does not end")
	killWorker(t)
	stack.Up(t)
	r := h.ended(t, run)
	h.requireGood(t, r)
	require.Equal(t, 1, rsyncs(t, run))
	require.Positive(t, *r.BytesTransferred)
	requireStory(t, run, "state ok", "well at try 2; before: the worker was killed in the middle of it")
}
