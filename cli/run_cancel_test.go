package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
	"planb/worker"
	"planb/worker/reconcile"
	"planb/worker/schedules"
)

// pulling starts a backup that takes minutes, and returns in the middle of its
// transfer.
func (s *served) pulling(host string) (run catalog.Run, server *sshtest.SSH) {
	t := s.t
	t.Helper()
	root := t.TempDir()
	f, err := os.Create(filepath.Join(root, "big"))
	require.NoError(t, err)
	_, err = io.CopyN(f, rand.Reader, 20<<20) // more than is pulled before the test is over
	require.NoError(t, err)
	require.NoError(t, f.Close())
	server = s.add(host, root, "--bandwidth", "64K")
	var runs []catalog.Run
	require.NoError(t, json.Unmarshal([]byte(s.waits("backup", host, "--json")), &runs))
	require.Eventually(t, func() bool {
		st, err := worker.Look(t.Context(), s.tc, runs[0].WorkflowID, runs[0].ID)
		return err == nil && len(server.Descendants()) > 0 && st.Activity == activities.PullName && st.Progress != nil
	}, time.Minute, 100*time.Millisecond)
	return runs[0], server
}

// free says that no process works on the host's dataset any more.
func (s *served) free(host string) bool {
	d, err := s.zfs.Dataset(s.t.Context(), s.parent+"/"+host)
	require.NoError(s.t, err)
	lock, err := rsync.TryLock(filepath.Join(d.Mountpoint, activities.DataDir))
	if err != nil {
		return false
	}
	require.NoError(s.t, lock.Close())
	return true
}

// A cancel in mid-pull leaves no process on either end after three seconds, and
// what waited for the host goes on.
func TestCancelInMidPullAndRenameAfterIt(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	host := g + "/web1"
	run, server := s.pulling(host)
	require.False(t, s.free(host))

	renamed := make(chan string, 1)
	go func() {
		_, stdout, stderr := s.run("host", "rename", host, g+"/www")
		renamed <- stdout + stderr
	}()
	require.Eventually(t, func() bool {
		d, err := s.tc.DescribeWorkflowExecution(t.Context(), "rename/"+host, "")
		return err == nil && len(d.GetPendingActivities()) > 0 && d.GetPendingActivities()[0].GetLastFailure() != nil
	}, 20*time.Second, 100*time.Millisecond)

	require.Contains(t, s.ok("run", "cancel", run.ID), "cancelled")
	require.Eventually(t, func() bool { return len(server.Descendants()) == 0 && s.free(host) },
		3*time.Second, 50*time.Millisecond, "processes are left: %v", server.Descendants())
	ended, err := s.store.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, policy.StateCancelled, ended.State)
	require.Empty(t, ended.Snapshot)
	require.Contains(t, s.fails(exitRefused, "run", "cancel", run.ID), "ended already")

	select {
	case out := <-renamed:
		require.Contains(t, out, "a backup of "+host+" is under way: wait for it", "it said what it waited for")
		require.Contains(t, out, "Renamed host "+host+" to "+g+"/www. Its data is now in dataset "+s.parent+"/"+g+"/www")
	case <-time.After(time.Minute):
		require.Fail(t, "the rename did not go on")
	}
}

// A run that was terminated, and so could not record anything, gets a truthful
// end; its processes end too.
func TestTerminatedRunIsEndedInTheCatalog(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	host := g + "/web1"
	run, server := s.pulling(host)
	require.NoError(t, s.tc.TerminateWorkflow(t.Context(), run.WorkflowID, run.ID, "by hand"))
	require.Eventually(t, func() bool { return len(server.Descendants()) == 0 && s.free(host) }, 10*time.Second, 50*time.Millisecond)

	keeper := schedules.Keeper{Catalog: s.store, Syncer: schedules.Syncer{Client: s.tc.ScheduleClient()}}
	r := &reconcile.Reconciler{
		Client: s.tc, Catalog: s.store, Schedules: keeper, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Measure: func(ctx context.Context, host ident.Host) error { return worker.StartMeasure(ctx, s.tc, host) },
	}
	for range 2 {
		require.NoError(t, r.Runs(t.Context()))
	}
	ended, err := s.store.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, policy.StateFailed, ended.State)
	require.Equal(t, "terminated in Temporal by an operator", string(ended.Message))
	require.Contains(t, s.ok("run", "show", run.ID), "terminated in Temporal by an operator")
}
