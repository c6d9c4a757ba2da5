package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/catalog"
)

func newBillingEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	for name, do := range map[string]any{
		activities.DueBillingName:   (*activities.Control)(nil).DueBilling,
		activities.LoadBillingName:  (*activities.Control)(nil).LoadBilling,
		activities.UsageHostsName:   (*activities.Control)(nil).UsageHosts,
		activities.RecordUsageName:  (*activities.Control)(nil).RecordUsage,
		activities.EndSamplingName:  (*activities.Control)(nil).EndSampling,
		activities.PostUsageName:    (*activities.Control)(nil).PostUsage,
		activities.CountBillingName: (*activities.Control)(nil).CountBilling,
		activities.UsageName:        (*activities.Storage)(nil).Usage,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	return e
}

const billedDay = "2026-11-23"

// billable sets up two batches of hosts on each of two servers.
func billable(e *testsuite.TestWorkflowEnvironment, plan activities.BillingPlan) (hosts map[string][]activities.UsageHost) {
	plan.Day, plan.Servers = billedDay, []string{"s1", "s2"}
	e.OnActivity(activities.LoadBillingName, mock.Anything, mock.Anything).Return(plan, nil).Once()
	hosts = map[string][]activities.UsageHost{}
	for _, server := range plan.Servers {
		hosts[server] = []activities.UsageHost{{ID: server + "-1", Dataset: "tank/1"}, {ID: server + "-2", Dataset: "tank/2"}}
		last := ""
		for _, h := range hosts[server] {
			e.OnActivity(activities.UsageHostsName, mock.Anything, activities.UsageInput{Day: billedDay, Server: server, After: last}).
				Return([]activities.UsageHost{h}, nil).Once()
			last = h.ID
		}
		e.OnActivity(activities.UsageHostsName, mock.Anything, activities.UsageInput{Day: billedDay, Server: server, After: last}).Return(nil, nil).Once()
	}
	e.OnActivity(activities.EndSamplingName, mock.Anything, billedDay).Return(nil).Once()
	return hosts
}

func measuredUsage(h activities.UsageHost) activities.MeasuredUsage {
	return activities.MeasuredUsage{HostID: h.ID, Used: 7, Referenced: 5, Snapshots: 3, At: start}
}

func TestBillingSamplesAllServersAndPostsToAll(t *testing.T) {
	t.Parallel()
	e := newBillingEnv(t)
	hosts := billable(e, activities.BillingPlan{Posters: []string{"a", "b"}})
	for _, list := range hosts {
		for _, h := range list {
			m := measuredUsage(h)
			e.OnActivity(activities.UsageName, mock.Anything, []activities.UsageHost{h}).Return([]activities.MeasuredUsage{m}, nil).Once()
			e.OnActivity(activities.RecordUsageName, mock.Anything, activities.RecordUsageInput{Day: billedDay, Measured: []activities.MeasuredUsage{m}}).
				Return(1, nil).Once()
		}
	}
	for _, poster := range []string{"a", "b"} {
		in := activities.PostUsageInput{Day: billedDay, Poster: poster, Began: start}
		e.OnActivity(activities.PostUsageName, mock.Anything, in).Return(true, nil).Once()
		e.OnActivity(activities.PostUsageName, mock.Anything, in).Return(false, nil).Once()
	}
	came := catalog.BilledDay{Samples: 4, Billed: 4, Posted: 8}
	e.OnActivity(activities.CountBillingName, mock.Anything, billedDay).Return(came, nil).Once()
	e.ExecuteWorkflow(DailyBilling, activities.BillingInput{Day: billedDay, Trigger: activities.TriggerSchedule})
	require.NoError(t, e.GetWorkflowError())
	var out BillingResult
	require.NoError(t, e.GetWorkflowResult(&out))
	require.Equal(t, BillingResult{Day: billedDay, Taken: 4, BilledDay: came}, out)
	e.AssertExpectations(t)
}

// One server is silent: its samples come from the catalog, and its other batches
// are not asked for in vain.
func TestBillingDoesWithoutASilentServer(t *testing.T) {
	t.Parallel()
	e := newBillingEnv(t)
	hosts := billable(e, activities.BillingPlan{})
	e.OnActivity(activities.UsageName, mock.Anything, hosts["s1"][:1]).Return(nil, errors.New("the pool is away"))
	for _, h := range hosts["s1"] {
		e.OnActivity(activities.RecordUsageName, mock.Anything, activities.RecordUsageInput{Day: billedDay, Known: []string{h.ID}}).Return(1, nil).Once()
	}
	for _, h := range hosts["s2"] {
		m := measuredUsage(h)
		e.OnActivity(activities.UsageName, mock.Anything, []activities.UsageHost{h}).Return([]activities.MeasuredUsage{m}, nil).Once()
		e.OnActivity(activities.RecordUsageName, mock.Anything, activities.RecordUsageInput{Day: billedDay, Measured: []activities.MeasuredUsage{m}}).Return(1, nil).Once()
	}
	e.OnActivity(activities.CountBillingName, mock.Anything, billedDay).Return(catalog.BilledDay{Samples: 4, FromCatalog: 2}, nil).Once()
	e.ExecuteWorkflow(DailyBilling, activities.BillingInput{Day: billedDay, Trigger: activities.TriggerSchedule})
	require.NoError(t, e.GetWorkflowError())
	require.LessOrEqual(t, e.Now().Sub(start), askBySchedule+10*time.Minute)
	e.AssertExpectations(t)
}

// What pools hold now says nothing about a day that is over.
func TestLateBillingAsksNoPool(t *testing.T) {
	t.Parallel()
	e := newBillingEnv(t)
	hosts := billable(e, activities.BillingPlan{Late: true})
	for _, list := range hosts {
		for _, h := range list {
			e.OnActivity(activities.RecordUsageName, mock.Anything, activities.RecordUsageInput{Day: billedDay, Known: []string{h.ID}}).Return(1, nil).Once()
		}
	}
	e.OnActivity(activities.CountBillingName, mock.Anything, billedDay).Return(catalog.BilledDay{Samples: 4, Late: 4, FromCatalog: 4}, nil).Once()
	e.ExecuteWorkflow(DailyBilling, activities.BillingInput{Day: billedDay, Trigger: activities.TriggerManual})
	require.NoError(t, e.GetWorkflowError())
	e.AssertNotCalled(t, activities.UsageName, mock.Anything, mock.Anything)
	e.AssertExpectations(t)
}

// A receiver that is down is tried until the next day's billing, keeps nothing
// from another one, and the workflow says that something is left.
func TestBillingTriesAReceiverForHours(t *testing.T) {
	t.Parallel()
	for trigger, within := range map[string][2]time.Duration{
		// The test's environment tries no more than ten times.
		activities.TriggerSchedule: {time.Hour, postBySchedule},
		activities.TriggerManual:   {30 * time.Second, byHand},
	} {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			e := newBillingEnv(t)
			e.OnActivity(activities.LoadBillingName, mock.Anything, mock.Anything).
				Return(activities.BillingPlan{Day: billedDay, Posters: []string{"down", "up"}}, nil).Once()
			e.OnActivity(activities.EndSamplingName, mock.Anything, billedDay).Return(nil).Once()
			var last time.Duration
			e.OnActivity(activities.PostUsageName, mock.Anything, mock.MatchedBy(func(in activities.PostUsageInput) bool { return in.Poster == "down" })).
				Return(func(context.Context, activities.PostUsageInput) (bool, error) {
					last = e.Now().Sub(start)
					return true, temporal.NewApplicationError("down: the receiver does not answer", activities.ErrTypePost)
				})
			e.OnActivity(activities.PostUsageName, mock.Anything, mock.MatchedBy(func(in activities.PostUsageInput) bool { return in.Poster == "up" })).
				Return(false, nil).Once()
			e.OnActivity(activities.CountBillingName, mock.Anything, billedDay).Return(catalog.BilledDay{Samples: 1, Posted: 1, Pending: 1}, nil).Once()
			e.ExecuteWorkflow(DailyBilling, activities.BillingInput{Day: billedDay, Trigger: trigger})
			require.ErrorContains(t, e.GetWorkflowError(), "down: the receiver does not answer")
			require.Greater(t, last, within[0])
			require.LessOrEqual(t, last, within[1])
			e.AssertExpectations(t)
		})
	}
}

func TestBillingFailsOfWhatWasRefused(t *testing.T) {
	t.Parallel()
	e := newBillingEnv(t)
	e.OnActivity(activities.LoadBillingName, mock.Anything, mock.Anything).Return(activities.BillingPlan{Posters: []string{"a"}}, nil).Once()
	e.OnActivity(activities.EndSamplingName, mock.Anything, billedDay).Return(nil).Once()
	e.OnActivity(activities.PostUsageName, mock.Anything, mock.Anything).Return(false, nil).Once()
	e.OnActivity(activities.CountBillingName, mock.Anything, billedDay).
		Return(catalog.BilledDay{Samples: 3, Posted: 2, Refused: 1, Error: "no such host"}, nil).Once()
	e.ExecuteWorkflow(DailyBilling, activities.BillingInput{Day: billedDay})
	err := e.GetWorkflowError()
	require.Equal(t, "1 of 3 posts did not get through: no such host", activities.Message(err))
	require.Equal(t, "see `planb billing list --month 2026-11`", activities.Remedy(err))
}

// All days are started at once, each under its own id; one that fails or runs
// already keeps no other from being billed.
func TestBillingDueStartsEachDay(t *testing.T) {
	t.Parallel()
	e := newBillingEnv(t)
	e.OnActivity(activities.DueBillingName, mock.Anything).Return([]string{"2026-11-23", "2026-11-22", "2026-11-21"}, nil).Once()
	e.RegisterWorkflowWithOptions(DailyBilling, workflow.RegisterOptions{Name: DailyBillingName})
	began := map[string]time.Time{}
	e.OnWorkflow(DailyBillingName, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, in activities.BillingInput) (BillingResult, error) {
		require.Equal(t, BillingID(in.Day), workflow.GetInfo(ctx).WorkflowExecution.ID)
		require.Equal(t, activities.TriggerSchedule, in.Trigger)
		began[in.Day] = workflow.Now(ctx)
		if err := workflow.Sleep(ctx, time.Hour); err != nil || in.Day != "2026-11-22" {
			return BillingResult{}, err
		}
		return BillingResult{}, errors.New("not all was posted")
	})
	e.ExecuteWorkflow(BillingDue)
	require.NoError(t, e.GetWorkflowError())
	var started int
	require.NoError(t, e.GetWorkflowResult(&started))
	require.Equal(t, 3, started)
	require.Len(t, began, 3)
	require.Equal(t, began["2026-11-23"], began["2026-11-21"])
	e.AssertExpectations(t)
}
