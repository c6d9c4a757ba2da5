//go:build faults

package faults

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/policy"
)

// What is cut in the middle of a transfer is taken up again.
func TestTransferCut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cut func(h host) []harness.Process
		// One of these: ssh tells of a connection that ended when it could not
		// send, and nothing when there was nothing to send.
		says []string
	}{
		"connection":   {func(h host) []harness.Process { return h.remote("sshd") }, []string{"was lost", "the connection ended in the middle of the transfer"}},
		"remote-rsync": {func(h host) []harness.Process { return h.remote("rsync") }, []string{"rsync"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "cut/"+name, 4*mib, "--bandwidth", "1M")
			most := harness.Watch(t, h.data())
			run := h.startPull(t)
			victims := tc.cut(h)
			require.NotEmpty(t, victims)
			signal(t, syscall.SIGKILL, victims...)
			eventually(t, func() bool { return containsAll(stack.Must(t, "run", "show", run), "try 2 after") }, "not tried again")
			require.Empty(t, harness.Snapshots(t, h.dataset()))
			r := h.ended(t, run)
			h.requireGood(t, r)
			h.requireOneRun(t)
			require.Equal(t, 1, most())
			require.Equal(t, 2, rsyncs(t, run))
			require.Less(t, *r.BytesTransferred, int64(4*mib), "what had arrived was sent again")
			requireStory(t, run, "state ok", "well at try 2; before: ", h.name)
			shown := stack.Must(t, "run", "show", run)
			require.True(t, slices.ContainsFunc(tc.says, func(says string) bool { return containsAll(shown, says) }), shown)
		})
	}
}

// A cancel ends a transfer, on both ends, within three seconds. It runs alone,
// as it is about time.
func TestCancelInMidPull(t *testing.T) {
	h := newHost(t, "cancel/pull", 16*mib, "--bandwidth", "512K")
	run := h.startPull(t)
	config := h.config(t)
	left := func() []harness.Process {
		return append(h.remote("rsync"), harness.Processes(func(p harness.Process) bool {
			text := strings.Join(p.Argv, " ")
			return strings.Contains(text, h.data()) || strings.Contains(text, config)
		})...)
	}
	require.Greater(t, len(left()), 3)
	began := time.Now()
	stack.Must(t, "run", "cancel", run)
	require.Eventually(t, func() bool { return len(left()) == 0 }, 3*time.Second-time.Since(began), 20*time.Millisecond)
	r := h.ended(t, run)
	require.Equal(t, policy.StateCancelled, r.State)
	require.Empty(t, harness.Snapshots(t, h.dataset()))
	requireStory(t, run, "state cancelled", "cancelled before a snapshot was taken")

	stack.Must(t, "host", "edit", h.name, "--bandwidth", "0")
	h.requireGood(t, h.ended(t, h.start(t)))
}
