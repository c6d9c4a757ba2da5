package workflows

import (
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
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/verify"
)

// newVerifyEnv knows every activity of verifications.
func newVerifyEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	for name, do := range map[string]any{
		activities.LoadVerifyName:       (*activities.Control)(nil).LoadVerify,
		activities.RecordEvidenceName:   (*activities.Control)(nil).RecordEvidence,
		activities.RecordName:           (*activities.Control)(nil).Record,
		activities.DueVerificationsName: (*activities.Control)(nil).DueVerifications,
		activities.VerifyName:           (*activities.Storage)(nil).Verify,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	return e
}

func TestVerifyRecordsWhatWasFound(t *testing.T) {
	t.Parallel()
	proven := verify.Tally{Files: 5, Compared: 5, ByHost: 5}
	for name, tc := range map[string]struct {
		tally    verify.Tally
		asked    string
		state    string
		says     string
		remedies bool
	}{
		"proven":           {proven, "", policy.StateOK, "5 files were restored and found equal", false},
		"by checksums":     {proven, "it is down", policy.StateOK, "the host could not be asked: it is down", false},
		"other attributes": {verify.Tally{Files: 5, Compared: 5, Attributes: 1, AttributeFiles: []string{"/etc/a (owner)"}}, "", policy.StateWarning, "/etc/a (owner)", false},
		"canary unknown":   {verify.Tally{Files: 5, Compared: 4, NotComparable: 1, Canaries: 1}, "", policy.StateWarning, "a canary could not be compared", false},
		"unread":           {verify.Tally{Files: 5, Compared: 5, Unread: 2}, "", policy.StateWarning, "2 files could not be looked at on the pool", false},
		"nothing":          {verify.Tally{Files: 5, NotComparable: 5}, "", policy.StateWarning, "nothing is proven", true},
		"mismatch": {verify.Tally{
			Files: 5, Compared: 4, Mismatched: 1,
			Findings: []verify.Finding{{Path: "/etc/a", Kind: verify.KindBackup, Text: "is not what the host sent"}},
		}, "", policy.StateFailed, "/etc/a is not what the host sent", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newVerifyEnv(t)
			plan := activities.VerifyPlan{Snapshot: "daily-202611230130", Plan: activities.Plan{
				HostID: "id", Host: web1, Server: "store1", Dataset: "tank/BACKUP/acme/web1",
				Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{}),
			}}
			e.OnActivity(activities.LoadVerifyName, mock.Anything, mock.MatchedBy(func(in activities.LoadVerifyInput) bool {
				return in.Host == web1 && in.Snapshot == "" && in.Trigger == activities.TriggerSchedule
			})).Return(plan, nil).Once()
			done := activities.Verified{Tally: tc.tally, HostNotAsked: tc.asked}
			e.OnActivity(activities.VerifyName, mock.Anything, mock.MatchedBy(func(in activities.VerifyInput) bool {
				return in.Sample == policy.DefaultSample() && in.Seed != 0 && in.Snapshot == plan.Snapshot
			})).Return(done, nil).Once()
			e.OnActivity(activities.RecordEvidenceName, mock.Anything, mock.MatchedBy(func(in activities.Evidence) bool {
				return in.Snapshot == plan.Snapshot && in.Sample == policy.DefaultSample().String() && !in.Finished.IsZero()
			})).Return(nil).Once()
			e.OnActivity(activities.RecordName, mock.Anything, mock.MatchedBy(func(out activities.Outcome) bool {
				return out.State == tc.state && out.Kind == activities.KindVerify
			})).Return(nil).Once()
			e.ExecuteWorkflow(VerifyHost, VerifyInput{Host: web1, Trigger: activities.TriggerSchedule})
			require.NoError(t, e.GetWorkflowError())
			var out activities.Outcome
			require.NoError(t, e.GetWorkflowResult(&out))
			require.Contains(t, out.Message, tc.says)
			require.Equal(t, tc.remedies, out.Remedy != "", out.Remedy)
			e.AssertExpectations(t)
		})
	}
}

// A verification that broke off proves nothing, and leaves no evidence.
func TestVerifyThatFailsIsRecorded(t *testing.T) {
	t.Parallel()
	e := newVerifyEnv(t)
	e.OnActivity(activities.LoadVerifyName, mock.Anything, mock.Anything).Return(activities.VerifyPlan{Snapshot: "s"}, nil).Once()
	e.OnActivity(activities.VerifyName, mock.Anything, mock.Anything).
		Return(activities.Verified{}, temporal.NewNonRetryableApplicationError("no room", activities.ErrTypeNoSpace, nil)).Once()
	e.OnActivity(activities.RecordName, mock.Anything, mock.MatchedBy(func(out activities.Outcome) bool {
		return out.State == policy.StateFailed && out.Message == "no room" && out.Verified == nil
	})).Return(nil).Once()
	e.ExecuteWorkflow(VerifyHost, VerifyInput{Host: web1, Trigger: activities.TriggerManual})
	require.Error(t, e.GetWorkflowError())
	e.AssertExpectations(t)
}

func TestVerifyDueGoesThroughTheServers(t *testing.T) {
	t.Parallel()
	e := newVerifyEnv(t)
	host := func(name string) ident.Host { return ident.Host{Group: "acme", Name: name} }
	e.OnActivity(activities.DueVerificationsName, mock.Anything).Return([]activities.VerifyLanes{
		{Server: "s1", Lanes: 1, Hosts: []ident.Host{host("a"), host("b"), host("c")}},
		{Server: "s2", Lanes: 2, Hosts: []ident.Host{host("slow"), host("d")}},
	}, nil).Once()
	var order []string
	e.RegisterWorkflowWithOptions(func(ctx workflow.Context, in VerifyInput) (activities.Outcome, error) {
		order = append(order, in.Host.Name)
		require.Equal(t, activities.TriggerSchedule, in.Trigger)
		switch in.Host.Name {
		case "slow":
			return activities.Outcome{}, workflow.Sleep(ctx, 5*time.Hour)
		case "b":
			return activities.Outcome{}, errors.New("failed")
		}
		return activities.Outcome{}, workflow.Sleep(ctx, time.Minute)
	}, workflow.RegisterOptions{Name: VerifyHostName})
	within := false
	e.RegisterDelayedCallback(func() { within = e.IsWorkflowCompleted() }, verifyHour+time.Minute)
	e.ExecuteWorkflow(VerifyDue)
	require.NoError(t, e.GetWorkflowError())
	var started int
	require.NoError(t, e.GetWorkflowResult(&started))
	require.Equal(t, 5, started)
	require.ElementsMatch(t, []string{"a", "b", "c", "slow", "d"}, order)
	require.True(t, within, "it ends within the hour, and the slow one goes on without it")
}
