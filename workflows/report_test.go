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

func newReportEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	for name, do := range map[string]any{
		activities.DueReportsName:    (*activities.Control)(nil).DueReports,
		activities.PrepareReportName: (*activities.Control)(nil).PrepareReport,
		activities.MailReportName:    (*activities.Control)(nil).MailReport,
		activities.FinishReportName:  (*activities.Control)(nil).FinishReport,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	return e
}

func digestIn() activities.ReportInput {
	return activities.ReportInput{ReportOf: catalog.ReportOf{Kind: catalog.ReportDigest, Period: "2026-11-24"}, Trigger: activities.TriggerSchedule}
}

func monthlyIn() activities.ReportInput {
	return activities.ReportInput{ReportOf: catalog.ReportOf{Kind: catalog.ReportMonthly, Period: "2026-10", Group: "acme"}, Trigger: activities.TriggerSchedule}
}

// ofRun gives what the activity is told, which is whose run it is, too.
func ofRun(in activities.ReportInput) activities.ReportInput {
	in.Run = "default-test-run-id"
	return in
}

// A mail server that is away is tried again, a digest for less than a day and a
// monthly report for days; what is left in the end is on record, and no failure.
func TestReportsOutlastAMailServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   activities.ReportInput
		do   func(workflow.Context, activities.ReportInput) (activities.ReportResult, error)
		long [2]time.Duration
	}{
		"digest":  {digestIn(), DailyDigest, [2]time.Duration{20 * time.Hour, 24 * time.Hour}},
		"monthly": {monthlyIn(), MonthlyReport, [2]time.Duration{4 * 24 * time.Hour, 5 * 24 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newReportEnv(t)
			e.OnActivity(activities.PrepareReportName, mock.Anything, ofRun(c.in)).Return(activities.ReportPlan{ID: 7, Subject: "s", Left: 2}, nil).Once()
			var last time.Duration
			e.OnActivity(activities.MailReportName, mock.Anything, int64(7)).Return(func(context.Context, int64) error {
				last = e.Now().Sub(start)
				// The test environment ends them at ten tries, so that each waits long.
				return temporal.NewApplicationErrorWithOptions("the mail server does not answer", "",
					temporal.ApplicationErrorOptions{NextRetryDelay: c.long[1] / 9 * 95 / 100})
			})
			want := activities.ReportResult{Report: catalog.Report{ID: 7}, Mails: []catalog.ReportMail{{Recipient: "a@a.example", State: catalog.DeliveryGaveUp}}}
			e.OnActivity(activities.FinishReportName, mock.Anything, int64(7)).Return(want, nil).Once()
			e.ExecuteWorkflow(c.do, c.in)
			require.NoError(t, e.GetWorkflowError())
			var out activities.ReportResult
			require.NoError(t, e.GetWorkflowResult(&out))
			require.Equal(t, want, out)
			require.Greater(t, last, c.long[0])
			require.LessOrEqual(t, last, c.long[1])
			e.AssertExpectations(t)
		})
	}
}

// Nothing is mailed where nobody is left, nor where no report can be made.
func TestReportsThatNobodyGets(t *testing.T) {
	t.Parallel()
	e := newReportEnv(t)
	e.OnActivity(activities.PrepareReportName, mock.Anything, ofRun(monthlyIn())).Return(activities.ReportPlan{ID: 7}, nil).Once()
	e.OnActivity(activities.FinishReportName, mock.Anything, int64(7)).Return(activities.ReportResult{}, nil).Once()
	e.ExecuteWorkflow(MonthlyReport, monthlyIn())
	require.NoError(t, e.GetWorkflowError())
	e.AssertExpectations(t)

	e = newReportEnv(t)
	e.OnActivity(activities.PrepareReportName, mock.Anything, ofRun(digestIn())).
		Return(activities.ReportPlan{}, temporal.NewNonRetryableApplicationError("its day is over", activities.ErrTypeRefused, nil)).Once()
	e.ExecuteWorkflow(DailyDigest, digestIn())
	require.Equal(t, "its day is over", activities.Message(e.GetWorkflowError()))
	e.AssertExpectations(t)
}

// All that is due is begun at once, each under its own id, and not waited for;
// one that cannot be begun keeps no other from it.
func TestReportsDue(t *testing.T) {
	t.Parallel()
	e := newReportEnv(t)
	other := monthlyIn()
	other.Group = "umbrella"
	e.OnActivity(activities.DueReportsName, mock.Anything).Return([]activities.ReportInput{digestIn(), monthlyIn(), other}, nil).Once()
	e.RegisterWorkflowWithOptions(DailyDigest, workflow.RegisterOptions{Name: DailyDigestName})
	e.RegisterWorkflowWithOptions(MonthlyReport, workflow.RegisterOptions{Name: MonthlyReportName})
	ids := []string{}
	mailed := func(ctx workflow.Context, in activities.ReportInput) (activities.ReportResult, error) {
		require.Equal(t, ReportID(in.ReportOf), workflow.GetInfo(ctx).WorkflowExecution.ID)
		ids = append(ids, ReportID(in.ReportOf))
		return activities.ReportResult{}, errors.New("no end")
	}
	e.OnWorkflow(DailyDigestName, mock.Anything, digestIn()).Return(mailed)
	e.OnWorkflow(MonthlyReportName, mock.Anything, mock.Anything).Return(mailed)
	e.ExecuteWorkflow(ReportsDue)
	require.NoError(t, e.GetWorkflowError())
	var started int
	require.NoError(t, e.GetWorkflowResult(&started))
	require.Equal(t, 3, started)
	require.ElementsMatch(t, []string{"digest/2026-11-24", "report/2026-10/acme", "report/2026-10/umbrella"}, ids)
	e.AssertExpectations(t)
}
