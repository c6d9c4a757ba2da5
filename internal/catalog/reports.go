package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kinds of reports.
const (
	ReportDigest  = "digest"
	ReportMonthly = "monthly"
)

// ReportOf says which report is meant.
type ReportOf struct {
	Kind string `json:"kind"`
	// Period is the day of a digest or the month of a monthly report, of Group.
	Period string `json:"period"`
	Group  Text   `json:"group"`
}

// ReportDoc is a report as it is mailed.
type ReportDoc struct{ Subject, Body, HTML string }

// Report is one that was made to be mailed.
type Report struct {
	ID int64 `json:"id"`
	ReportOf
	// Nth is more than 1 for one that was asked for again.
	Nth     int       `json:"nth"`
	Subject string    `json:"subject"`
	MadeAt  time.Time `json:"made_at"`
}

// ReportMail is a report on its way to one recipient.
type ReportMail struct {
	ReportID  int64  `json:"report_id"`
	Recipient string `json:"recipient"`
	// State is one of the Delivery constants.
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	// LastError says why the last try did not work.
	LastError Text       `json:"last_error"`
	TriedAt   *time.Time `json:"tried_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

const reportColumns = `r.id, r.kind, r.period, coalesce(g.name, r.group_name) as "group", r.nth, r.subject, r.made_at`

const reportTables = ` from reports r left join groups g on g.id = r.group_id`

// NewestReport gives the newest of those that are of the same, or a NotFoundError.
// One of a group that was removed is none of a later group of that name.
func (s *Store) NewestReport(ctx context.Context, of ReportOf) (Report, error) {
	return s.report(ctx, `r.kind = $1 and r.period = $2 and coalesce(g.name, '') = $3 order by r.nth desc limit 1`,
		of.Kind, of.Period, of.Group)
}

// ReportOfRun gives the report that the run of a workflow made, or a NotFoundError.
func (s *Store) ReportOfRun(ctx context.Context, run string) (Report, error) {
	return s.report(ctx, `r.run_id = $1`, run)
}

// Report gives the report with an id.
func (s *Store) Report(ctx context.Context, id int64) (Report, error) {
	return s.report(ctx, `r.id = $1`, id)
}

func (s *Store) report(ctx context.Context, where string, args ...any) (Report, error) {
	found, err := rows[Report](ctx, s.pool, `select `+reportColumns+reportTables+` where `+where, args...)
	if err == nil && len(found) == 0 {
		err = &NotFoundError{Kind: "report", Name: "like that", Hint: "see `planb report list`"}
	}
	if err != nil {
		return Report{}, s.explain(err)
	}
	return found[0], nil
}

// ReportDoc gives what is mailed of a report.
func (s *Store) ReportDoc(ctx context.Context, id int64) (doc ReportDoc, err error) {
	err = s.pool.QueryRow(ctx, `select subject, body, html from reports where id = $1`, id).Scan(&doc.Subject, &doc.Body, &doc.HTML)
	if noRow(err) {
		return doc, &NotFoundError{Kind: "report", Name: "like that", Hint: "see `planb report list`"}
	}
	return doc, s.explain(err)
}

// MakeReport keeps a report that the run of a workflow made, as the next one of
// the same. A digest takes the place of those of the days before, which are not
// mailed any more.
func (s *Store) MakeReport(ctx context.Context, of ReportOf, run string, doc ReportDoc, now time.Time) (Report, error) {
	var id int64
	err := s.tx(ctx, func(tx pgx.Tx) error {
		var group *string
		if of.Group != "" {
			g, err := getGroup(ctx, tx, string(of.Group))
			if err != nil {
				return err
			}
			group = &g.ID
		}
		err := tx.QueryRow(ctx, `
			insert into reports (kind, period, group_id, group_name, nth, run_id, subject, body, html, made_at)
			select $1, $2, $3::uuid, $4, 1 + coalesce(max(nth), 0), $5, $6, $7, $8, $9
				from reports where kind = $1 and period = $2 and group_id is not distinct from $3::uuid returning id`,
			of.Kind, of.Period, group, of.Group, run, doc.Subject, doc.Body, doc.HTML, now).Scan(&id)
		if err != nil || of.Kind != ReportDigest {
			return err
		}
		return giveUpMails(ctx, tx, now, "a newer digest took its place",
			`report_id in (select id from reports where kind = 'digest' and period < $3)`, of.Period)
	})
	if err != nil {
		return Report{}, err
	}
	return s.Report(ctx, id)
}

// PlanReportMails notes to whom a report goes, besides those on record. With
// retry those who were given up are tried again.
func (s *Store) PlanReportMails(ctx context.Context, id int64, to []string, retry bool) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		for _, recipient := range to {
			_, err := tx.Exec(ctx, `insert into report_mails (report_id, recipient) values ($1, $2) on conflict do nothing`, id, recipient)
			if err != nil {
				return err
			}
		}
		if !retry {
			return nil
		}
		_, err := tx.Exec(ctx, `update report_mails set state = 'pending', ended_at = null where report_id = $1 and state = 'gave_up'`, id)
		return err
	})
}

// ReportMails gives the mails of reports, by the ids of these.
func (s *Store) ReportMails(ctx context.Context, ids ...int64) (map[int64][]ReportMail, error) {
	found, err := rows[ReportMail](ctx, s.pool, `select report_id, recipient, state, attempts, last_error, tried_at, ended_at
		from report_mails where report_id = any ($1) order by recipient`, ids)
	of := map[int64][]ReportMail{}
	for _, m := range found {
		of[m.ReportID] = append(of[m.ReportID], m)
	}
	return of, s.explain(err)
}

// RecordReportMail notes how a try to mail a report ended. One that was sent
// stays so; who was given up is in the audit log.
func (s *Store) RecordReportMail(ctx context.Context, m ReportMail, now time.Time) error {
	var ended *time.Time
	if m.State != DeliveryPending {
		ended = &now
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			update report_mails set state = $3, attempts = attempts + 1, last_error = $4, tried_at = $5, ended_at = $6
			where report_id = $1 and recipient = $2 and state <> 'sent'`,
			m.ReportID, m.Recipient, m.State, m.LastError, now, ended)
		if err != nil || tag.RowsAffected() == 0 || m.State != DeliveryGaveUp {
			return err
		}
		return auditMails(ctx, tx, []ReportMail{m})
	})
}

// FinishReport ends what is left of a report's mails, which were tried for long
// enough.
func (s *Store) FinishReport(ctx context.Context, id int64, now time.Time) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return giveUpMails(ctx, tx, now, "nobody tried", `report_id = $3`, id) })
}

// giveUpMails gives up those that are still to be sent and where holds of, for a
// reason if there is no other.
func giveUpMails(ctx context.Context, tx pgx.Tx, now time.Time, reason, where string, arg any) error {
	found, err := rows[ReportMail](ctx, tx, `update report_mails set state = 'gave_up', ended_at = $1,
		last_error = case last_error when '' then $2 else last_error end where state = 'pending' and `+where+`
		returning report_id, recipient, state, attempts, last_error, tried_at, ended_at`, now, reason, arg)
	if err != nil {
		return err
	}
	return auditMails(ctx, tx, found)
}

// auditMails has the audit log say who has no report, and why.
func auditMails(ctx context.Context, tx pgx.Tx, gaveUp []ReportMail) error {
	for _, m := range gaveUp {
		found, err := rows[Report](ctx, tx, `select `+reportColumns+reportTables+` where r.id = $1`, m.ReportID)
		if err != nil {
			return err
		}
		for _, r := range found {
			err := audit(ctx, tx, "report.gave_up", r.Name(), map[string]string{"recipient": m.Recipient, "reason": string(m.LastError)})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Name says which report it is, for people.
func (of ReportOf) Name() string {
	if of.Kind == ReportDigest {
		return "digest of " + of.Period
	}
	return "report of " + string(of.Group) + " for " + of.Period
}
