//go:build faults

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/e2e/harness"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/sshx/sshtest"
	"planb/worker"
	"planb/workflows"
)

const (
	fleet = 50
	// slots is how many transfers planb runs at once unless told otherwise.
	slots = 4
	// addresses is how many sshd listens on; it takes 16 at most.
	addresses = 15
)

// After an outage fifty hosts are due at once, and one more was asked for by
// hand, last of all.
func TestFiftyHostsDueAtOnce(t *testing.T) {
	breaks(t)
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "file"), make([]byte, mib), 0o644))
	listen := ""
	port := sshtest.FreePort(t)
	for n := range addresses {
		listen += fmt.Sprintf("ListenAddress 127.0.0.%d:%d\n", n+2, port)
	}
	server := sshtest.Server(t, sshtest.Options{Root: source, Config: listen + "MaxStartups 100\n"})
	add := func(name string, n int) {
		stack.Must(t, "host", "add", name, "--address", fmt.Sprintf("127.0.0.%d", n%addresses+2), "--port", strconv.Itoa(port),
			"--user", server.Target.User, "--ssh-key", server.Target.KeyFile, "--include", "/",
			"--storage", stack.ZFS.Storage())
	}
	var names []string
	for n := range fleet {
		names = append(names, fmt.Sprintf("fleet/web%02d", n))
		add(names[n], n)
	}
	add("hand/web", fleet)

	require.NoError(t, stack.Serve().Stop(within(t)))
	tc := temporal(t)
	for _, name := range names {
		schedule := tc.ScheduleClient().GetHandle(within(t), workflows.ScheduleID(mustParse(t, name)))
		eventually(t, func() bool { return schedule.Trigger(within(t), client.ScheduleTriggerOptions{}) == nil }, "the schedule of %s does not fire", name)
	}
	byHand, err := worker.StartBackup(within(t), tc, workflows.BackupInput{Host: mustParse(t, "hand/web"), Trigger: activities.TriggerManual})
	require.NoError(t, err)

	began := time.Now()
	most := harness.Watch(t, stack.ZFS.Mountpoint())
	stack.Up(t)
	store := theCatalog(t)
	done := func() map[string]catalog.Run {
		ended := map[string]catalog.Run{}
		for _, group := range []string{"fleet", "hand"} {
			runs, err := store.Runs(t.Context(), catalog.RunFilter{Group: group, Limit: -1})
			for _, r := range runs {
				if err == nil && policy.IsFinal(r.State) {
					ended[r.Host] = r
				}
			}
		}
		return ended
	}
	require.Eventually(t, func() bool { return len(done()) == fleet+1 }, 4*time.Minute, 250*time.Millisecond)
	t.Logf("%d hosts in %s, %d transfers at once", fleet+1, time.Since(began).Round(time.Second), most())
	before := 0
	for name, r := range done() {
		require.Equal(t, policy.StateOK, r.State, "%s: %s", name, r.Message)
		require.Len(t, harness.Snapshots(t, stack.Dataset(name)), 1)
		if name != "hand/web" && pullBegan(t, r.ID) < pullBegan(t, byHand) {
			before++
		}
	}
	require.LessOrEqual(t, most(), slots)
	require.Greater(t, most(), 1)
	// Those that had a slot before it was known.
	require.Less(t, before, fleet/3, "the one asked for by hand waited for those by schedule")
}

// pullBegan is when rsync was started for a run, as its log has it.
func pullBegan(t testing.TB, run string) string {
	t.Helper()
	for line := range strings.Lines((&story{t, run}).logText()) {
		if at, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, "command rsync ") {
			return at
		}
	}
	require.Fail(t, "no rsync in the log of "+run)
	return ""
}
