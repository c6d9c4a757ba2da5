package catalog

import "context"

// ReportLine is a report with its mails.
type ReportLine struct {
	Report
	Mails []ReportMail `json:"mails"`
}

// ReportQuery says which reports to list, the newest first. Empty fields narrow
// nothing.
type ReportQuery struct {
	// Visible sees the monthly reports of its groups; digests are of all of them.
	Visible Visible
	Group   string
	// Before takes what is older than the report with this id.
	Before int64
	// Limit is the most to give; 0 means 50.
	Limit int
}

// ReportList is one page of reports.
type ReportList struct {
	Reports []ReportLine
	// Next is what Before is on the next page; 0 on the last one.
	Next int64
}

// Reports gives a page of reports.
func (s *Store) Reports(ctx context.Context, q ReportQuery) (ReportList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	var c conditions
	c.see(q.Visible, `coalesce(g.name, r.group_name)`)
	c.addIf(q.Group != "", `coalesce(g.name, r.group_name) = ?`, q.Group)
	c.addIf(q.Before > 0, `r.id < ?`, q.Before)
	found, err := rows[Report](ctx, s.pool,
		`select `+reportColumns+reportTables+` where `+c.sql()+` order by r.id desc limit `+c.arg(limit+1), c.args...)
	if err != nil {
		return ReportList{}, s.explain(err)
	}
	var list ReportList
	if len(found) > limit {
		found = found[:limit]
		list.Next = found[limit-1].ID
	}
	ids := make([]int64, len(found))
	for i, r := range found {
		ids[i] = r.ID
	}
	of, err := s.ReportMails(ctx, ids...)
	for _, r := range found {
		list.Reports = append(list.Reports, ReportLine{r, append([]ReportMail{}, of[r.ID]...)})
	}
	return list, err
}

// ReportedMonths says of each month and group, by its id, whether some mail of
// its monthly report is still to be sent. First is the first month that any
// report was made of; empty where there is none.
func (s *Store) ReportedMonths(ctx context.Context) (pending map[[2]string]bool, first string, err error) {
	found, err := rows[struct {
		GroupID, Period string
		Pending         bool
	}](ctx, s.pool, `
		select r.group_id::text as group_id, r.period,
			bool_or(exists (select from report_mails m where m.report_id = r.id and m.state = 'pending')) as pending
		from reports r where r.kind = 'monthly' and r.group_id is not null group by r.group_id, r.period order by r.period`)
	pending = map[[2]string]bool{}
	for i, f := range found {
		if i == 0 {
			first = f.Period
		}
		pending[[2]string{f.GroupID, f.Period}] = f.Pending
	}
	return pending, first, s.explain(err)
}
