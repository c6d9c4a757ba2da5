package workflows

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

var (
	www     = ident.Host{Group: "acme", Name: "www"}
	claimed = activities.ClaimedHost{
		HostID: "id", Host: web1, Server: "store1", Storage: "tank/BACKUP", Dataset: "tank/BACKUP/acme/web1", Made: true,
		MoveTo: "tank/BACKUP/acme/www", Grace: 30 * 24 * time.Hour,
	}
)

// newLifeEnv knows every activity in the life of a host. Those that each test
// needs are mocked; schedules and releases always succeed.
func newLifeEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	e.RegisterWorkflowWithOptions(ExpireData, workflow.RegisterOptions{Name: ExpireDataName})
	for name, do := range map[string]any{
		activities.ClaimHostName:      (*activities.Control)(nil).ClaimHost,
		activities.ReleaseHostName:    (*activities.Control)(nil).ReleaseHost,
		activities.RenameHostName:     (*activities.Control)(nil).RenameHost,
		activities.RemoveHostName:     (*activities.Control)(nil).RemoveHost,
		activities.SyncSchedulesName:  (*activities.Control)(nil).SyncSchedules,
		activities.LoadProbeName:      (*activities.Control)(nil).LoadProbe,
		activities.PinHostKeysName:    (*activities.Control)(nil).PinHostKeys,
		activities.MoveDatasetName:    (*activities.Storage)(nil).MoveDataset,
		activities.MarkRemovedName:    (*activities.Storage)(nil).MarkRemoved,
		activities.KeepRemovedName:    (*activities.Storage)(nil).KeepRemoved,
		activities.DestroyRemovedName: (*activities.Storage)(nil).DestroyRemoved,
		activities.ProbeName:          (*activities.Storage)(nil).Probe,
		activities.RecordName:         (*activities.Control)(nil).Record,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	e.OnActivity(activities.SyncSchedulesName, mock.Anything, mock.Anything).Return(nil).Maybe()
	return e
}

// recorded expects one run on record, which ended like that.
func recorded(e *testsuite.TestWorkflowEnvironment, kind, state, message string) {
	e.OnActivity(activities.RecordName, mock.Anything, mock.MatchedBy(func(out activities.Outcome) bool {
		return out.Kind == kind && out.State == state && strings.Contains(out.Message, message)
	})).Return(nil).Once()
}

func permanentError(text string) error {
	return temporal.NewNonRetryableApplicationError(text, activities.ErrTypeRefused, nil)
}

func TestRenameMovesTheDatasetThenRecords(t *testing.T) {
	t.Parallel()
	e := newLifeEnv(t)
	busy := temporal.NewApplicationErrorWithOptions("a backup is under way", activities.ErrTypeLocked,
		temporal.ApplicationErrorOptions{NextRetryDelay: 10 * time.Second})
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(activities.ClaimedHost{}, busy).Times(3)
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(claimed, nil).Once()
	e.OnActivity(activities.MoveDatasetName, mock.Anything, mock.MatchedBy(func(in activities.MoveDatasetInput) bool {
		return in.From == claimed.Dataset && in.To == claimed.MoveTo && in.Name == www
	})).Return(claimed.MoveTo, nil).Once()
	e.OnActivity(activities.RenameHostName, mock.Anything, mock.MatchedBy(func(in activities.RenameHostInput) bool {
		return in.HostID == "id" && in.To == www && in.Dataset == claimed.MoveTo && in.Actor == "root (cli)"
	})).Return(nil).Once()
	e.OnActivity(activities.ReleaseHostName, mock.Anything, mock.Anything).Return(nil).Once()
	recorded(e, activities.KindRename, policy.StateOK, "acme/web1 is acme/www now, and its dataset tank/BACKUP/acme/web1 is tank/BACKUP/acme/www")
	e.ExecuteWorkflow(RenameHost, RenameInput{Host: web1, To: www, Actor: "root (cli)"})
	require.NoError(t, e.GetWorkflowError())
	var res RenameResult
	require.NoError(t, e.GetWorkflowResult(&res))
	require.Equal(t, RenameResult{Server: "store1", Dataset: claimed.MoveTo, Moved: true}, res)
	e.AssertExpectations(t)
}

// A name that is taken at the last moment brings the dataset back, and the host
// is free again.
func TestRenameThatCannotBeRecordedIsUndone(t *testing.T) {
	t.Parallel()
	e := newLifeEnv(t)
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(claimed, nil)
	var moves [][2]string
	e.OnActivity(activities.MoveDatasetName, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.MoveDatasetInput) (string, error) {
			moves = append(moves, [2]string{in.From, in.To})
			return in.To, nil
		})
	e.OnActivity(activities.RenameHostName, mock.Anything, mock.Anything).Return(permanentError("there is already a host acme/www"))
	e.OnActivity(activities.ReleaseHostName, mock.Anything, mock.Anything).Return(nil).Once()
	recorded(e, activities.KindRename, policy.StateFailed, "already a host acme/www")
	e.ExecuteWorkflow(RenameHost, RenameInput{Host: web1, To: www})
	require.ErrorContains(t, e.GetWorkflowError(), "already a host acme/www")
	require.Equal(t, [][2]string{{claimed.Dataset, claimed.MoveTo}, {claimed.MoveTo, claimed.Dataset}}, moves)
	e.AssertExpectations(t)
}

// removal runs DeleteHost and says what was done to the data after it.
func removal(t *testing.T, then func(*testsuite.TestWorkflowEnvironment)) (e *testsuite.TestWorkflowEnvironment, destroyed *[]time.Time) {
	t.Helper()
	e, destroyed = newLifeEnv(t), &[]time.Time{}
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(claimed, nil).Maybe()
	e.OnActivity(activities.RemoveHostName, mock.Anything, mock.Anything).Return(nil).Maybe()
	e.OnActivity(activities.MarkRemovedName, mock.Anything, mock.Anything).Return(true, nil).Maybe()
	e.OnActivity(activities.DestroyRemovedName, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.RemovedData) (bool, error) {
			*destroyed = append(*destroyed, e.Now())
			return true, nil
		}).Maybe()
	then(e)
	return e, destroyed
}

func TestRemovedHostsDataIsKeptForTheGraceTime(t *testing.T) {
	t.Parallel()
	e, destroyed := removal(t, func(e *testsuite.TestWorkflowEnvironment) {
		e.OnWorkflow(ExpireDataName, mock.Anything, mock.Anything).Return(true, nil).Once()
		recorded(e, activities.KindDelete, policy.StateOK, "the data in tank/BACKUP/acme/web1 is kept until 2026-12-23T")
		e.ExecuteWorkflow(DeleteHost, DeleteInput{Host: web1})
		e.AssertExpectations(t)
	})
	require.NoError(t, e.GetWorkflowError())
	var res DeleteResult
	require.NoError(t, e.GetWorkflowResult(&res))
	require.True(t, res.There)
	require.WithinDuration(t, start.Add(claimed.Grace), res.Expires, time.Minute)
	require.Empty(t, *destroyed)

	left := activities.RemovedData{Host: claimed, Removed: start, Expires: start.Add(claimed.Grace)}
	e, destroyed = removal(t, func(e *testsuite.TestWorkflowEnvironment) { e.ExecuteWorkflow(ExpireData, left) })
	require.NoError(t, e.GetWorkflowError())
	require.Len(t, *destroyed, 1)
	require.WithinDuration(t, left.Expires, (*destroyed)[0], time.Minute)
}

func TestCancelledExpiryKeepsTheDataForGood(t *testing.T) {
	t.Parallel()
	left := activities.RemovedData{Host: claimed, Removed: start, Expires: start.Add(claimed.Grace)}
	e, destroyed := removal(t, func(e *testsuite.TestWorkflowEnvironment) {
		e.OnActivity(activities.KeepRemovedName, mock.Anything, mock.Anything).Return(nil).Once()
		e.RegisterDelayedCallback(e.CancelWorkflow, 10*24*time.Hour)
		e.ExecuteWorkflow(ExpireData, left)
	})
	require.True(t, temporal.IsCanceledError(e.GetWorkflowError()))
	require.Empty(t, *destroyed)
	e.AssertExpectations(t)
}

func TestPurgeDestroysAtOnce(t *testing.T) {
	t.Parallel()
	e, destroyed := removal(t, func(e *testsuite.TestWorkflowEnvironment) {
		recorded(e, activities.KindDelete, policy.StateOK, "the data in tank/BACKUP/acme/web1 was destroyed")
		e.ExecuteWorkflow(DeleteHost, DeleteInput{Host: web1, Purge: true})
	})
	require.NoError(t, e.GetWorkflowError())
	require.Len(t, *destroyed, 1)
	require.WithinDuration(t, start, (*destroyed)[0], time.Minute)
}

// A host that cannot leave the catalog keeps its data and can be backed up.
func TestRefusedRemovalReleasesTheHost(t *testing.T) {
	t.Parallel()
	e := newLifeEnv(t)
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(claimed, nil)
	e.OnActivity(activities.RemoveHostName, mock.Anything, mock.Anything).Return(permanentError("a backup is under way"))
	e.OnActivity(activities.ReleaseHostName, mock.Anything, mock.Anything).Return(nil).Once()
	recorded(e, activities.KindDelete, policy.StateFailed, "a backup is under way")
	e.ExecuteWorkflow(DeleteHost, DeleteInput{Host: web1})
	require.ErrorContains(t, e.GetWorkflowError(), "a backup is under way")
	e.AssertExpectations(t)
}

// A change that is cancelled while it waits for the host, or that is of no host
// at all, leaves the record as it was but for that.
func TestCancelledWaitForTheHostIsOnRecord(t *testing.T) {
	t.Parallel()
	e := newLifeEnv(t)
	busy := temporal.NewApplicationErrorWithOptions("a backup is under way", activities.ErrTypeLocked,
		temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).Return(activities.ClaimedHost{}, busy)
	recorded(e, activities.KindRename, policy.StateCancelled, "cancelled before anything was changed")
	e.RegisterDelayedCallback(e.CancelWorkflow, 10*time.Minute)
	e.ExecuteWorkflow(RenameHost, RenameInput{Host: web1, To: www})
	require.True(t, temporal.IsCanceledError(e.GetWorkflowError()))
	e.AssertExpectations(t)

	e = newLifeEnv(t)
	e.OnActivity(activities.ClaimHostName, mock.Anything, mock.Anything).
		Return(activities.ClaimedHost{}, temporal.NewNonRetryableApplicationError("no such host", activities.ErrTypeNoHost, nil))
	e.ExecuteWorkflow(DeleteHost, DeleteInput{Host: web1}) // recording would fail the test
	require.ErrorContains(t, e.GetWorkflowError(), "no such host")
}

func TestProbePinsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, pin := range []bool{false, true} {
		e := newLifeEnv(t)
		e.OnActivity(activities.LoadProbeName, mock.Anything, activities.LoadProbeInput{Host: web1}).Return(activities.Plan{HostID: "id", Server: "store1"}, nil)
		e.OnActivity(activities.ProbeName, mock.Anything, mock.Anything).
			Return(activities.ProbeReport{Ready: true, HostKeys: []string{"ssh-ed25519 AAAA"}, KeysLearned: true}, nil)
		pinned := 0
		e.OnActivity(activities.PinHostKeysName, mock.Anything, mock.Anything).Return(
			func(context.Context, activities.PinHostKeysInput) error { pinned++; return nil }).Maybe()
		e.ExecuteWorkflow(ProbeHost, ProbeInput{Host: web1, Pin: pin})
		require.NoError(t, e.GetWorkflowError())
		var report activities.ProbeReport
		require.NoError(t, e.GetWorkflowResult(&report))
		require.Equal(t, !pin, report.KeysLearned)
		require.Equal(t, map[bool]int{false: 0, true: 1}[pin], pinned)
	}
}
