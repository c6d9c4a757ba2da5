package activities

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/report"
)

// early is how much this machine's clock may be behind that of Temporal, which
// says when reports are due.
const early = 5 * time.Minute

// DueReports gives the reports to be mailed now: the digest of today, and those of
// the months that are over and were not reported, or not to all.
func (c *Control) DueReports(ctx context.Context) ([]ReportInput, error) {
	if c.Reports.Mailer == nil {
		return nil, nil
	}
	var due []ReportInput
	now := c.Now()
	if c.Reports.Digest && sinceMidnight(now.Add(early).In(c.Reports.Zone)) >= c.Reports.At {
		due = append(due, ReportInput{
			ReportOf: catalog.ReportOf{Kind: catalog.ReportDigest, Period: c.reportDay(now)}, Trigger: TriggerSchedule,
		})
	}
	if !c.Reports.Monthly {
		return due, nil
	}
	pending, begun, err := c.Catalog.ReportedMonths(ctx)
	if err != nil {
		return nil, refused("looking which months were reported", err)
	}
	var first *report.Month
	if m, err := report.ParseMonth(begun); err == nil {
		first = &m
	}
	groups, err := c.Catalog.Groups(ctx)
	if err != nil {
		return nil, refused("reading the groups", err)
	}
	for _, g := range groups {
		zone, err := c.Reports.ZoneOf(ctx, g.Name)
		if catalog.IsNotFound(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, refused("reading the groups", err)
		}
		for _, m := range report.DueMonths(now, zone, g.CreatedAt, first) {
			if left, reported := pending[[2]string{g.ID, m.String()}]; left || !reported {
				due = append(due, ReportInput{
					ReportOf: catalog.ReportOf{Kind: catalog.ReportMonthly, Period: m.String(), Group: catalog.Text(g.Name)}, Trigger: TriggerSchedule,
				})
			}
		}
	}
	return due, nil
}

// reportDay is the day whose digest is due.
func (c *Control) reportDay(now time.Time) string {
	return now.Add(early).In(c.Reports.Zone).Format(time.DateOnly)
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}
