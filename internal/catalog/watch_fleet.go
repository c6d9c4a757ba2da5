package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// FleetFinding is a finding about what hosts stand on.
type FleetFinding struct {
	// About is one of the About constants but AboutHost.
	About, Subject string
	Finding
	// Patience is how long it has to last before it is told.
	Patience time.Duration
}

// OpenFleet gives what is on record of storages, workers and schedules, also
// what was not told yet, so that what is at the edge of a threshold stays what
// it was.
func (s *Store) OpenFleet(ctx context.Context) ([]Condition, error) {
	found, err := openFleet(ctx, s.pool)
	return found, s.explain(err)
}

func openFleet(ctx context.Context, q querier) ([]Condition, error) {
	return rows[Condition](ctx, q, selectCondition+` where c.cleared_at is null and c.about <> 'host' order by c.about, c.subject, c.kind`)
}

// SettleFleet makes what is on record of the kinds looked at what was found:
// what is new is told once it has lasted, what is over too if it was told, what
// became worse at once, and what lasts after each nag; 0 is never. It gives how
// many notices that made.
func (s *Store) SettleFleet(ctx context.Context, found []FleetFinding, looked func(about, kind string) bool, nag time.Duration, now time.Time) (told int, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		// One at a time: two would tell the same twice.
		if _, err := tx.Exec(ctx, `lock table conditions in share row exclusive mode`); err != nil {
			return err
		}
		open, err := openFleet(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range open {
			i := slices.IndexFunc(found, func(f FleetFinding) bool { return f.is(c) })
			if i < 0 && !looked(c.About, c.Kind) {
				continue
			}
			var n int
			if i < 0 {
				n, err = endFleet(ctx, tx, c, now)
			} else {
				n, err = keepFleet(ctx, tx, c, found[i], nag, now)
			}
			if told += n; err != nil {
				return err
			}
		}
		for _, f := range found {
			if slices.ContainsFunc(open, f.is) {
				continue
			}
			n, err := beginFleet(ctx, tx, f, now)
			if told += n; err != nil {
				return err
			}
		}
		return nil
	})
	return told, err
}

func (f FleetFinding) is(c Condition) bool {
	return f.About == c.About && f.Subject == c.Subject && f.Kind == c.Kind
}

func (f FleetFinding) whose() whose { return whose{About: f.About, Subject: f.Subject} }

func beginFleet(ctx context.Context, tx pgx.Tx, f FleetFinding, now time.Time) (told int, err error) {
	if f.Patience <= 0 {
		return 1, raise(ctx, tx, f.whose(), f.Finding, now)
	}
	_, err = tx.Exec(ctx, `insert into conditions (about, subject, kind, severity, title, cause, remedy, since)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, f.About, f.Subject, f.Kind, f.Severity, f.Title, f.Cause, f.Remedy, now)
	return 0, err
}

func keepFleet(ctx context.Context, tx pgx.Tx, c Condition, f FleetFinding, nag time.Duration, now time.Time) (told int, err error) {
	if err := refresh(ctx, tx, c, f.Finding); err != nil {
		return 0, err
	}
	worse := severityRank(f.Severity) > severityRank(c.Severity)
	c.Severity, c.Title, c.Cause, c.Remedy = f.Severity, f.Title, Text(f.Cause), Text(f.Remedy)
	switch {
	case c.ToldAt == nil && now.Sub(c.Since) < f.Patience:
		return 0, nil
	case c.ToldAt == nil, worse, nag > 0 && now.Sub(*c.ToldAt) >= nag:
		return 1, tellAgain(ctx, tx, f.whose(), c, now)
	}
	return 0, nil
}

// endFleet clears a condition, and tells so if it was told.
func endFleet(ctx context.Context, tx pgx.Tx, c Condition, now time.Time) (told int, err error) {
	if err := clearCondition(ctx, tx, c, now); err != nil || c.Told == 0 {
		return 0, err
	}
	n := newNotice{Key: NoticeRecovered + "/" + c.ID, Condition: c.ID, Finding: Finding{
		Kind: NoticeRecovered, Severity: SeverityInfo, Title: "over: " + c.Title,
		Cause: "It lasted since " + stamp(c.Since) + ".", Since: c.Since,
	}}
	_, err = tell(ctx, tx, whose{About: c.About, Subject: c.Subject}, n, now)
	return 1, err
}

func severityRank(severity string) int {
	return slices.Index([]string{SeverityInfo, SeverityWarning, SeverityError, SeverityCritical}, severity)
}

// ForgetNotices removes what nobody asks for any more: notices and conditions
// that were over before old, and those of good snapshots before oldGood.
func (s *Store) ForgetNotices(ctx context.Context, old, oldGood time.Time) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		for _, step := range []struct {
			sql string
			at  time.Time
		}{
			{`delete from notices where done_at < $1 and kind = 'good'`, oldGood},
			{`delete from notices where done_at < $1 and kind <> 'first_success'`, old},
			{`delete from conditions where cleared_at < $1`, old},
		} {
			if _, err := tx.Exec(ctx, step.sql, step.at); err != nil {
				return err
			}
		}
		return nil
	})
}
