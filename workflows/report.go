package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
)

// digestFor is how long a digest is tried to be mailed: then the next one is due.
const digestFor = 23 * time.Hour

// DailyDigest mails the digest of a day.
func DailyDigest(ctx workflow.Context, in activities.ReportInput) (activities.ReportResult, error) {
	return mailReport(ctx, in, digestFor)
}

// MonthlyReport mails the report of a month to the addresses of its group.
func MonthlyReport(ctx workflow.Context, in activities.ReportInput) (activities.ReportResult, error) {
	return mailReport(ctx, in, tellFor)
}

// mailReport makes a report once and mails it to each one who is to get it, once:
// who has it is on record at once, so that done again it goes only to the others.
// Who does not have it in the end is on record, too, and in the result.
func mailReport(ctx workflow.Context, in activities.ReportInput, long time.Duration) (out activities.ReportResult, err error) {
	in.Run = workflow.GetInfo(ctx).WorkflowExecution.RunID
	var plan activities.ReportPlan
	if err := workflow.ExecuteActivity(onReport(ctx), activities.PrepareReportName, in).Get(ctx, &plan); err != nil {
		return out, err
	}
	workflow.SetCurrentDetails(ctx, plan.Subject)
	if plan.Left > 0 {
		mail := workflow.WithScheduleToCloseTimeout(onNotices(ctx, "mail it"), long)
		if err := workflow.ExecuteActivity(mail, activities.MailReportName, plan.ID).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("not everybody has the report", "report", in.Name(), "error", err)
		}
	}
	// What is left is given up, also when an operator cancelled the rest.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err = workflow.ExecuteActivity(onControl(ctx, "note who has it"), activities.FinishReportName, plan.ID).Get(ctx, &out)
	return out, err
}

// onReport is for making a report, which looks at all hosts.
func onReport(ctx workflow.Context) workflow.Context {
	return workflow.WithStartToCloseTimeout(onControl(ctx, "make the report"), 2*time.Minute)
}
