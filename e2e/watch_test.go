package e2e

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"planb/workflows"
)

// TestWatch has the schedule look at a storage with less room than is asked for:
// people are told once, however often it looks.
func TestWatch(t *testing.T) {
	t.Parallel()
	office, where := openPostOffice(t)
	s, storage := newSite(t, "watch", fmt.Sprintf(`  url: http://planb.example
limits:
  free_warn: 99
  free_stop: 1
notify:
  channels:
    - {name: ops, type: mail, server: "%s", tls: none, from: planb@backup.example, to: [ops@backup.example]}
`, where))
	c := temporalOf(t, namespaceOf("watch"))
	look := func() (w workflows.Watched) {
		t.Helper()
		require.Eventually(t, func() bool {
			return c.ScheduleClient().GetHandle(t.Context(), workflows.WatchScheduleID).Trigger(t.Context(), client.ScheduleTriggerOptions{}) == nil
		}, patience, 100*time.Millisecond, s.log)
		var id, run string
		require.Eventually(t, func() bool {
			d, err := c.ScheduleClient().GetHandle(t.Context(), workflows.WatchScheduleID).Describe(t.Context())
			if err != nil || len(d.Info.RecentActions) == 0 {
				return false
			}
			last := d.Info.RecentActions[len(d.Info.RecentActions)-1].StartWorkflowResult
			id, run = last.WorkflowID, last.FirstExecutionRunID
			return len(d.Info.RunningWorkflows) == 0
		}, patience, 100*time.Millisecond, s.log)
		require.NoError(t, c.GetWorkflow(t.Context(), id, run).Get(t.Context(), &w))
		return w
	}
	// Only its quota says that there is little room.
	out, err := exec.CommandContext(t.Context(), "zfs", "set", "quota=1M", storage).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Eventually(t, func() bool { return len(decode(t, s.must("storage", "list", "--json"))) == 1 }, patience, 100*time.Millisecond)
	first := look()
	require.Empty(t, first.Silent)
	require.Eventually(t, func() bool { return len(office.subjects("ops@backup.example")) > 0 }, patience, 100*time.Millisecond, s.log)
	require.Contains(t, office.subjects("ops@backup.example")[0], "little room")
	require.Zero(t, look().Told)
	list := decode(t, s.must("notices", "--open", "--json"))
	require.Len(t, list, 1)
	require.Equal(t, "room", list[0]["kind"])
	if *record {
		keepHistoryOf(t, namespaceOf("watch"), "watch-fleet", workflows.WatchFleetName)
	}
}
