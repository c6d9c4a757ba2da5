package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"planb/activities"
	"planb/internal/catalog"
)

func newWatchEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	for name, do := range map[string]any{
		activities.WatchHostsName:     (*activities.Control)(nil).WatchHosts,
		activities.WatchedServersName: (*activities.Control)(nil).WatchedServers,
		activities.SettleServersName:  (*activities.Control)(nil).SettleServers,
		activities.LookStoragesName:   (*activities.Storage)(nil).LookStorages,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	return e
}

// A storage server that does not answer, one that says something odd, and hosts
// that cannot be looked at do not keep the others from it.
func TestWatchFleetLooksAtTheOthers(t *testing.T) {
	t.Parallel()
	e := newWatchEnv(t)
	rooms := []activities.StorageRoom{{Dataset: "tank/BACKUP", Health: "ONLINE"}}
	e.OnActivity(activities.WatchHostsName, mock.Anything).Return(catalog.Watched{}, temporal.NewNonRetryableApplicationError("odd", activities.ErrTypeRefused, nil))
	e.OnActivity(activities.WatchedServersName, mock.Anything).Return([]string{"away", "odd", "well"}, nil)
	e.OnActivity(activities.LookStoragesName, mock.Anything).Return(func(ctx context.Context) ([]activities.StorageRoom, error) {
		switch activity.GetInfo(ctx).TaskQueue {
		case activities.StorageQueue("away"):
			return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
		case activities.StorageQueue("odd"):
			return nil, errors.New("odd")
		}
		return rooms, nil
	})
	var seen []activities.ServerSeen
	e.OnActivity(activities.SettleServersName, mock.Anything, mock.Anything).Return(func(_ context.Context, in []activities.ServerSeen) (int, error) {
		seen = in
		return 1, nil
	})
	e.ExecuteWorkflow(WatchFleet)
	require.True(t, e.IsWorkflowCompleted())
	require.ErrorContains(t, e.GetWorkflowError(), "odd", "what was not looked at is seen in Temporal")
	require.Len(t, seen, 3)
	for i := range seen {
		require.False(t, seen[i].At.IsZero())
		seen[i].At = time.Time{}
	}
	require.Equal(t, []activities.ServerSeen{
		{Server: "away", Silent: true}, {Server: "odd"}, {Server: "well", Answered: true, Storages: rooms},
	}, seen)
}

func TestWatchFleet(t *testing.T) {
	t.Parallel()
	e := newWatchEnv(t)
	e.OnActivity(activities.WatchHostsName, mock.Anything).Return(catalog.Watched{Hosts: 3, Changed: 1}, nil)
	e.OnActivity(activities.WatchedServersName, mock.Anything).Return([]string{"well"}, nil)
	e.OnActivity(activities.LookStoragesName, mock.Anything).Return(nil, nil)
	e.OnActivity(activities.SettleServersName, mock.Anything, mock.Anything).Return(2, nil)
	e.ExecuteWorkflow(WatchFleet)
	require.NoError(t, e.GetWorkflowError())
	var w Watched
	require.NoError(t, e.GetWorkflowResult(&w))
	require.Equal(t, Watched{Hosts: catalog.Watched{Hosts: 3, Changed: 1}, Told: 2}, w)
}
