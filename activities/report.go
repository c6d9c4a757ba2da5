package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"planb/internal/catalog"
	"planb/internal/notify"
	"planb/internal/report"
	"planb/internal/report/gather"
)

// Reports is what the activities of DailyDigest and MonthlyReport are set up with.
type Reports struct {
	gather.Gatherer
	// Mailer sends them; nil where there is no mail channel.
	Mailer *notify.Mailer
	// At is when on a day of Zone reports are sent, since midnight.
	At time.Duration
	// Digest and Monthly say whether they are sent by themselves.
	Digest, Monthly bool
	// DigestTo are who gets the digest.
	DigestTo []string
}

// ReportInput says which report is to be mailed.
type ReportInput struct {
	catalog.ReportOf
	// Trigger is schedule or manual.
	Trigger string `json:"trigger"`
	// Again makes it anew and sends it to all, also where it was sent already.
	Again bool `json:"again,omitempty"`
	// Run is that of the workflow, which sets it.
	Run string `json:"run,omitempty"`
}

// ReportPlan is what there is to mail.
type ReportPlan struct {
	ID      int64  `json:"id"`
	Subject string `json:"subject"`
	// Left is how many are to get it.
	Left int `json:"left"`
}

// PrepareReport makes a report, unless that was done, and notes who gets it.
func (c *Control) PrepareReport(ctx context.Context, in ReportInput) (ReportPlan, error) {
	if c.Reports.Mailer == nil {
		return ReportPlan{}, permanent(ErrTypeRefused, "there is no mail channel to send it through", "add one under notify.channels in planb.yaml", nil)
	}
	to, err := c.reportTo(ctx, in.ReportOf)
	if err != nil {
		return ReportPlan{}, err
	}
	r, err := c.madeReport(ctx, in)
	if err != nil {
		return ReportPlan{}, err
	}
	plan := ReportPlan{ID: r.ID, Subject: r.Subject}
	if err := c.Catalog.PlanReportMails(ctx, r.ID, to, in.Trigger == TriggerManual); err != nil {
		return plan, refused("noting who gets the report", err)
	}
	left, err := c.mailsLeft(ctx, r.ID)
	plan.Left = len(left)
	return plan, err
}

// reportTo gives who gets a report by the configuration and the group as they are now.
func (c *Control) reportTo(ctx context.Context, of catalog.ReportOf) ([]string, error) {
	if of.Kind == catalog.ReportDigest {
		return c.Reports.DigestTo, nil
	}
	g, err := c.Catalog.Group(ctx, string(of.Group))
	return g.Emails, refused("reading the group", err)
}

// madeReport gives the report that was made already, or makes it.
func (c *Control) madeReport(ctx context.Context, in ReportInput) (catalog.Report, error) {
	r, err := c.Catalog.ReportOfRun(ctx, in.Run)
	if catalog.IsNotFound(err) && !in.Again {
		r, err = c.Catalog.NewestReport(ctx, in.ReportOf)
	}
	if !catalog.IsNotFound(err) {
		return r, refused("reading the report", err)
	}
	doc, err := c.writeReport(ctx, in.ReportOf)
	if err != nil {
		return r, err
	}
	mail := catalog.ReportDoc{Subject: doc.Subject}
	if mail.Body, err = doc.Text(); err == nil {
		mail.HTML, err = doc.HTML()
	}
	if err != nil {
		return r, fmt.Errorf("writing the report: %w", err)
	}
	r, err = c.Catalog.MakeReport(ctx, in.ReportOf, in.Run, mail, c.Now())
	return r, refused("keeping the report", err)
}

func (c *Control) writeReport(ctx context.Context, of catalog.ReportOf) (report.Doc, error) {
	now := c.Now()
	today := now.In(c.Reports.Zone).Format(time.DateOnly)
	if of.Kind == catalog.ReportDigest && of.Period != today && of.Period != c.reportDay(now) {
		// What was not made on its day is of no use any more.
		return report.Doc{}, permanent(ErrTypeRefused, fmt.Sprintf("a digest is of now: that of %s cannot be made on %s", of.Period, today), "", nil)
	}
	over, err := c.Reports.Over(ctx, of, now)
	if err != nil {
		return report.Doc{}, refused("making the report", err)
	}
	if !over {
		return report.Doc{}, permanent(ErrTypeRefused, fmt.Sprintf("%s is not over for group %s", of.Period, of.Group), "preview it until then", nil)
	}
	doc, err := c.Reports.Make(ctx, of, now)
	return doc, refused("making the report", err)
}

func (c *Control) mailsLeft(ctx context.Context, id int64) ([]catalog.ReportMail, error) {
	of, err := c.Catalog.ReportMails(ctx, id)
	var left []catalog.ReportMail
	for _, m := range of[id] {
		if m.State == catalog.DeliveryPending {
			left = append(left, m)
		}
	}
	return left, refused("reading who gets the report", err)
}

// MailReport sends a report to those who do not have it. Each one who does is on
// record before the next is tried: a second try goes to the others only. Who is
// refused for good is not tried again. It fails while somebody is left.
func (c *Control) MailReport(ctx context.Context, id int64) error {
	r, err := c.Catalog.Report(ctx, id)
	if err != nil {
		return refused("reading the report", err)
	}
	doc, err := c.Catalog.ReportDoc(ctx, id)
	if err != nil {
		return refused("reading the report", err)
	}
	left, err := c.mailsLeft(ctx, id)
	if err != nil {
		return err
	}
	var failed []error
	for _, m := range left {
		why, err := c.mailOne(ctx, r, doc, m)
		if err != nil {
			return err
		}
		if why != nil {
			failed = append(failed, why)
		}
	}
	return errors.Join(failed...)
}

// mailOne tries one recipient, and says why that one is still without; err is that
// nobody could note it.
func (c *Control) mailOne(ctx context.Context, r catalog.Report, doc catalog.ReportDoc, m catalog.ReportMail) (failed, err error) {
	if c.Reports.Mailer == nil {
		return errors.New("there is no mail channel any more"), nil
	}
	m.State, m.LastError = catalog.DeliverySent, ""
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	failed = c.Reports.Mailer.Send(sending, notify.Mail{
		To: m.Recipient, Subject: doc.Subject, Text: doc.Body, HTML: doc.HTML, Key: fmt.Sprintf("report/%d", r.ID), At: r.MadeAt,
	})
	if failed != nil {
		m.State, m.LastError = catalog.DeliveryPending, catalog.Text(failed.Error())
		if notify.Refused(failed) {
			m.State = catalog.DeliveryGaveUp
			c.Log.Error("a report was refused for good", "report", r.Name(), "recipient", m.Recipient, "error", failed)
			failed = nil
		}
	}
	// Whoever has it stays on record, also when this worker stops now.
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	if err := c.Catalog.RecordReportMail(asActor(noting), m, c.Now()); err != nil {
		return failed, fmt.Errorf("noting who has the report: %w", err)
	}
	return failed, nil
}

// ReportResult is what came of mailing a report.
type ReportResult struct {
	catalog.Report
	Mails []catalog.ReportMail `json:"mails"`
}

// FinishReport ends the mailing of a report, and says what came of it.
func (c *Control) FinishReport(ctx context.Context, id int64) (out ReportResult, err error) {
	if err := c.Catalog.FinishReport(asActor(ctx), id, c.Now()); err != nil {
		return out, refused("noting who has the report", err)
	}
	if out.Report, err = c.Catalog.Report(ctx, id); err != nil {
		return out, refused("reading the report", err)
	}
	mails, err := c.Catalog.ReportMails(ctx, id)
	out.Mails = mails[id]
	return out, refused("reading who has the report", err)
}
