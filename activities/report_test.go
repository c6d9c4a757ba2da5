//go:build !nopostgres

package activities

import (
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/report/gather"
)

// mails is a Control that mails reports at a time that the test sets.
type mails struct {
	*Control
	t      *testing.T
	now    time.Time
	office *postOffice
	where  string
}

// morning is when reports are due, on a first of a month.
var morning = time.Date(2026, 12, 1, 7, 0, 0, 0, time.UTC)

func newMails(t *testing.T, to ...string) *mails {
	m := &mails{t: t, now: morning, office: &postOffice{}}
	store, log := catalogtest.Store(t), slog.New(slog.DiscardHandler)
	m.Control = &Control{
		Catalog: store, Now: func() time.Time { return m.now }, Log: log,
		Reports: Reports{
			Gatherer: gather.Gatherer{Catalog: store, Zone: time.UTC, Log: log},
			At:       7 * time.Hour, Digest: true, Monthly: true, DigestTo: to,
		},
	}
	m.Reports.Mailer, m.where = newMailer(t)
	return m
}

// group adds one that was there before the month began.
func (m *mails) group(name string, emails ...string) {
	m.t.Helper()
	_, err := m.Catalog.AddGroup(m.t.Context(), name, catalog.GroupEdit{Emails: &emails})
	require.NoError(m.t, err)
	_, err = m.Catalog.AddHost(m.t.Context(), catalog.NewHost{Host: ident.Host{Group: name, Name: "web1"}, Address: "a.example"})
	require.NoError(m.t, err)
}

func digestOf(day string) ReportInput {
	return ReportInput{ReportOf: catalog.ReportOf{Kind: catalog.ReportDigest, Period: day}, Trigger: TriggerSchedule}
}

func monthOf(group, month string) ReportInput {
	return ReportInput{ReportOf: catalog.ReportOf{Kind: catalog.ReportMonthly, Period: month, Group: catalog.Text(group)}, Trigger: TriggerSchedule}
}

// prepare is the first step of a run.
func (m *mails) prepare(run string, in ReportInput) (ReportPlan, error) {
	in.Run = run
	return m.PrepareReport(m.t.Context(), in)
}

// A server that is down and then busy for one recipient, and refuses another: in
// the end each one who can have it has it once, and the rest is on record.
func TestMailReport(t *testing.T) {
	t.Parallel()
	m := newMails(t, "a@a.example", "gone@a.example", "slow@a.example")
	m.group("acme")
	plan, err := m.prepare("run-1", digestOf("2026-12-01"))
	require.NoError(t, err)
	require.Equal(t, ReportPlan{ID: plan.ID, Subject: "PlanB: 1 never", Left: 3}, plan)
	again, err := m.prepare("run-1", digestOf("2026-12-01"))
	require.NoError(t, err)
	require.Equal(t, plan, again, "done twice it is the same")

	require.ErrorContains(t, m.MailReport(t.Context(), plan.ID), "refused", "nobody answers")
	m.office.open(t, m.where)
	m.office.setBusy("slow@a.example", true)
	require.ErrorContains(t, m.MailReport(t.Context(), plan.ID), "come back later")
	to, _ := m.office.got()
	require.Equal(t, []string{"a@a.example"}, to)
	m.office.setBusy("slow@a.example", false)
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	to, texts := m.office.got()
	require.Equal(t, []string{"a@a.example", "slow@a.example"}, to, "each has it once")
	letter, err := mail.ReadMessage(strings.NewReader(texts[0]))
	require.NoError(t, err)
	require.Equal(t, "PlanB: 1 never", letter.Header.Get("Subject"))
	require.Contains(t, texts[0], "acme/web1")
	require.Contains(t, texts[0], "text/html")

	out, err := m.FinishReport(t.Context(), plan.ID)
	require.NoError(t, err)
	states := map[string]string{}
	for _, x := range out.Mails {
		states[x.Recipient] = x.State
	}
	require.Equal(t, map[string]string{"a@a.example": "sent", "gone@a.example": "gave_up", "slow@a.example": "sent"}, states)
	require.Contains(t, string(out.Mails[1].LastError), "no such user")
	log, err := m.Catalog.Audit(t.Context(), "digest of 2026-12-01", 10)
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, "report.gave_up", log[0].Action)

	// Another run on the same day sends nothing but what is new; --again all of it,
	// and that once, too.
	m.Reports.DigestTo = append(m.Reports.DigestTo, "new@a.example")
	plan, err = m.prepare("run-2", digestOf("2026-12-01"))
	require.NoError(t, err)
	require.Equal(t, 1, plan.Left)
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	more := digestOf("2026-12-01")
	more.Again = true
	plan, err = m.prepare("run-3", more)
	require.NoError(t, err)
	require.Equal(t, 4, plan.Left)
	again, err = m.prepare("run-3", more)
	require.NoError(t, err)
	require.Equal(t, plan, again, "also when it is done twice")
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	to, texts = m.office.got()
	require.Equal(t, []string{"a@a.example", "slow@a.example", "new@a.example", "a@a.example", "new@a.example", "slow@a.example"}, to)
	id := func(i int) string {
		letter, err := mail.ReadMessage(strings.NewReader(texts[i]))
		require.NoError(t, err)
		return letter.Header.Get("Message-ID")
	}
	require.NotEqual(t, id(0), id(3), "who asked for it again is not to have it dropped as a double")
}

// By hand those who were given up are tried again.
func TestMailReportByHandTriesAgain(t *testing.T) {
	t.Parallel()
	m := newMails(t, "a@a.example")
	plan, err := m.prepare("run-1", digestOf("2026-12-01"))
	require.NoError(t, err)
	require.Error(t, m.MailReport(t.Context(), plan.ID))
	_, err = m.FinishReport(t.Context(), plan.ID)
	require.NoError(t, err)
	plan, err = m.prepare("run-2", digestOf("2026-12-01"))
	require.NoError(t, err)
	require.Zero(t, plan.Left)
	m.office.open(t, m.where)
	byHand := digestOf("2026-12-01")
	byHand.Trigger = TriggerManual
	plan, err = m.prepare("run-3", byHand)
	require.NoError(t, err)
	require.Equal(t, 1, plan.Left)
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	to, _ := m.office.got()
	require.Equal(t, []string{"a@a.example"}, to)
}

// The digest of a day that went by is not sent, and one that waits gives way to
// the next.
func TestDigestsOfDaysGoneBy(t *testing.T) {
	t.Parallel()
	m := newMails(t, "a@a.example")
	old, err := m.prepare("run-1", digestOf("2026-12-01"))
	require.NoError(t, err)
	m.now = m.now.Add(24 * time.Hour)
	_, err = m.prepare("run-2", digestOf("2026-12-02"))
	require.NoError(t, err)
	m.office.open(t, m.where)
	require.NoError(t, m.MailReport(t.Context(), old.ID))
	to, _ := m.office.got()
	require.Empty(t, to)
	gone, err := m.Catalog.ReportMails(t.Context(), old.ID)
	require.NoError(t, err)
	require.Equal(t, catalog.Text("a newer digest took its place"), gone[old.ID][0].LastError)

	_, err = m.prepare("run-3", digestOf("2026-11-30"))
	require.Equal(t, ErrTypeRefused, ErrType(err))
	require.ErrorContains(t, err, "a digest is of now: that of 2026-11-30 cannot be made on 2026-12-02")
}

// A monthly report goes to the group's own addresses alone, when its month is over.
func TestMonthlyReportGoesToItsGroup(t *testing.T) {
	t.Parallel()
	m := newMails(t, "ops@a.example")
	m.office.open(t, m.where)
	m.group("acme", "one@acme.example", "two@acme.example")
	m.group("quiet")
	plan, err := m.prepare("run-1", monthOf("acme", "2026-11"))
	require.NoError(t, err)
	require.NoError(t, m.MailReport(t.Context(), plan.ID))
	to, texts := m.office.got()
	require.Equal(t, []string{"one@acme.example", "two@acme.example"}, to)
	require.Contains(t, texts[0], "Subject: PlanB: acme, November 2026: ")
	plan, err = m.prepare("run-2", monthOf("quiet", "2026-11"))
	require.NoError(t, err)
	require.Zero(t, plan.Left)
	list, err := m.Catalog.Reports(t.Context(), catalog.ReportQuery{Visible: catalog.Everything()})
	require.NoError(t, err)
	require.Equal(t, "report of quiet for 2026-11", list.Reports[0].Name())
	require.Empty(t, list.Reports[0].Mails, "that nobody gets it is on record")

	_, err = m.prepare("run-3", monthOf("acme", "2026-12"))
	require.Equal(t, ErrTypeRefused, ErrType(err))
	require.ErrorContains(t, err, "2026-12 is not over for group acme")
	_, err = m.prepare("run-4", monthOf("nobody", "2026-11"))
	require.Equal(t, ErrTypeRefused, ErrType(err))
	m.Reports.Mailer = nil
	_, err = m.prepare("run-5", monthOf("acme", "2026-11"))
	require.ErrorContains(t, err, "there is no mail channel")
	require.Equal(t, ErrTypeRefused, ErrType(err))
}

// What is due: the digest from its time on, each month once it is over in the
// zone of its group, and what still waits.
func TestDueReports(t *testing.T) {
	t.Parallel()
	m := newMails(t, "ops@a.example")
	due := func() []string {
		list, err := m.DueReports(t.Context())
		require.NoError(t, err)
		names := []string{}
		for _, in := range list {
			require.Equal(t, TriggerSchedule, in.Trigger)
			names = append(names, in.Name())
		}
		return names
	}
	m.now = time.Now().UTC()
	m.now = time.Date(m.now.Year()+1, 1, 1, 6, 0, 0, 0, time.UTC) // after the groups were made
	last := m.now.AddDate(0, -1, 0).Format("2006-01")
	m.group("acme", "one@acme.example")
	_, err := m.Catalog.EditGroup(t.Context(), "acme", catalog.GroupEdit{Settings: func(s *policy.Settings) error {
		s.Timezone = new("America/Los_Angeles")
		return nil
	}})
	require.NoError(t, err)
	m.group("umbrella")
	require.Equal(t, []string{"report of umbrella for " + last}, due(), "it is neither seven nor January in Los Angeles")
	m.now = m.now.Add(56 * time.Minute)
	require.Contains(t, due(), "digest of "+m.now.Format(time.DateOnly), "clocks differ")
	m.now = m.now.Add(2 * time.Hour)
	require.Equal(t, []string{"digest of " + m.now.Format(time.DateOnly), "report of acme for " + last, "report of umbrella for " + last}, due())

	_, err = m.prepare("run-1", monthOf("acme", last))
	require.NoError(t, err)
	_, err = m.prepare("run-2", monthOf("umbrella", last))
	require.NoError(t, err)
	m.Reports.Digest = false
	require.Equal(t, []string{"report of acme for " + last}, due(), "somebody waits for it; nobody for the other")
	m.now = m.now.AddDate(0, 2, 0)
	missed := func(group string) []string {
		first := time.Date(m.now.Year(), m.now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return []string{"report of " + group + " for " + first.AddDate(0, -2, 0).Format("2006-01"), "report of " + group + " for " + first.AddDate(0, -1, 0).Format("2006-01")}
	}
	require.Equal(t, append(append([]string{"report of acme for " + last}, missed("acme")...), missed("umbrella")...), due(), "what was missed is made up for")
	m.Reports.Monthly = false
	require.Empty(t, due())
	m.Reports.Mailer, m.Reports.Monthly = nil, true
	require.Empty(t, due(), "there is nothing to send it through")
}
