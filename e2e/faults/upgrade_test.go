//go:build faults

package faults

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
)

// planb is stopped in good order in mid-pull, and started again as another
// version: the run goes on where it was.
func TestUpgradeInMidPull(t *testing.T) {
	breaks(t)
	next := stack.Program + ".next"
	require.NoError(t, harness.Build(within(t), next, "next"))
	h := newHost(t, "upgrade/pull", 8*mib, "--bandwidth", "1M")
	most := harness.Watch(t, h.data())
	run := h.startPull(t)
	eventually(t, func() bool { return h.pulled() > 2*mib }, "nothing arrives")
	require.NoError(t, stack.Serve().Stop(within(t)))
	require.Empty(t, harness.Writers(h.data()))
	require.Empty(t, h.remote("rsync"))
	require.NoError(t, os.Rename(next, stack.Program))
	require.Contains(t, stack.Must(t, "--version"), "next")

	stack.Up(t)
	r := h.ended(t, run)
	h.requireGood(t, r)
	h.requireOneRun(t)
	require.Equal(t, 1, most())
	require.Equal(t, 2, rsyncs(t, run))
	require.Less(t, *r.BytesTransferred, int64(7*mib), "what had arrived was sent again")
	requireStory(t, run, "state ok", "well at try 2; before: the worker was restarted; the transfer goes on where it was")
}
