package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kinds of what lasts, of a host.
const (
	NoticeFailed   = "failed"
	NoticePartial  = "partial"
	NoticeLate     = "late"
	NoticeSuspect  = "suspect"
	NoticeMismatch = "mismatch"
	// NoticeLong is a run that takes far longer than usual.
	NoticeLong = "long"
)

// Kinds of what lasts, of what hosts stand on.
const (
	NoticeDegraded   = "degraded"   // a pool that is not healthy, or not there
	NoticeErrors     = "errors"     // a pool that lost data, or whose scrub found errors
	NoticeUnscrubbed = "unscrubbed" // a pool that was not scrubbed for long
	NoticeRoom       = "room"       // a storage with little room
	NoticeFilling    = "filling"    // a storage that will be full soon
	NoticeSilent     = "silent"     // a storage server whose worker does not answer
	NoticeSchedules  = "schedules"  // schedules that differ from the catalog
	NoticeBilling    = "billing"    // days that were not billed
)

// Kinds of what happens once.
const (
	NoticeRecovered    = "recovered"
	NoticeFirstSuccess = "first_success"
	NoticeEnabled      = "enabled"
	NoticeDisabled     = "disabled"
	// NoticeGood is told of each good snapshot, to those who wait for it.
	NoticeGood = "good"
)

// Severities, from the least on.
const (
	SeverityInfo     = "info"
	SeverityWarning  = "warning"
	SeverityError    = "error"
	SeverityCritical = "critical"
)

// What a condition can be about.
const (
	AboutHost      = "host"
	AboutStorage   = "storage"
	AboutWorker    = "worker"
	AboutSchedules = "schedules"
	AboutBilling   = "billing"
)

// Finding is something that is not as it should be, and lasts.
type Finding struct {
	Kind, Severity string
	// Title says it in one line, Cause in a sentence, Remedy what to do.
	Title, Cause, Remedy string
	Run                  string
	// Since is when it began, or was first seen.
	Since time.Time
}

// Condition is a finding that is on record.
type Condition struct {
	ID string `json:"id"`
	// About is one of the About constants, Subject which one: a host's name of
	// now, "server:dataset" of a storage, a server.
	About    string    `json:"about"`
	Subject  string    `json:"subject"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Cause    Text      `json:"cause"`
	Remedy   Text      `json:"remedy"`
	Run      Text      `json:"run"`
	Since    time.Time `json:"since"`
	// Told is how often it was told, ToldAt when last; nil before the first time.
	Told   int        `json:"told"`
	ToldAt *time.Time `json:"told_at"`
	HostID Text       `json:"-"`
}

const conditionColumns = ` c.id::text as id, c.about,
	coalesce(g.name || '/' || h.name, c.subject) as subject, c.kind, c.severity, c.title, c.cause, c.remedy,
	c.run_id as run, c.since, c.told, c.told_at, coalesce(c.host_id::text, '') as host_id`

const selectCondition = `select` + conditionColumns + ` from conditions c
	left join hosts h on h.id = c.host_id left join groups g on g.id = h.group_id`

// FleetConditions gives what lasts and was told of storages, workers and
// schedules, the worst first. Only those who see everything see it.
func (s *Store) FleetConditions(ctx context.Context, v Visible) ([]Condition, error) {
	if !v.all {
		return nil, nil
	}
	found, err := rows[Condition](ctx, s.pool, selectCondition+` where c.cleared_at is null and c.about <> 'host' and c.told > 0
		order by array_position(array['critical', 'error', 'warning', 'info'], c.severity), c.since, c.subject, c.kind`)
	return found, s.explain(err)
}

// HostConditions gives what lasts of hosts, by their ids.
func hostConditions(ctx context.Context, q querier) (map[string][]Condition, error) {
	found, err := rows[Condition](ctx, q, selectCondition+` where c.cleared_at is null and c.about = 'host'`)
	of := map[string][]Condition{}
	for _, c := range found {
		of[string(c.HostID)] = append(of[string(c.HostID)], c)
	}
	return of, err
}

// raise puts a finding on record, and tells of it.
func raise(ctx context.Context, tx pgx.Tx, w whose, f Finding, now time.Time) error {
	if f.Since.IsZero() || f.Since.After(now) {
		f.Since = now
	}
	var id string
	err := tx.QueryRow(ctx, `
		insert into conditions (about, host_id, subject, kind, severity, title, cause, remedy, run_id, since, told, told_at)
		values ($1, nullif($2, '')::uuid, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11) returning id::text`,
		w.About, w.HostID, w.Subject, f.Kind, f.Severity, f.Title, f.Cause, f.Remedy, f.Run, f.Since, now).Scan(&id)
	if err != nil {
		return err
	}
	_, err = tell(ctx, tx, w, newNotice{Finding: f, Key: f.Kind + "/" + id + "/1", Condition: id, Nth: 1}, now)
	return err
}

// tellAgain tells of a condition that lasts, as it is now.
func tellAgain(ctx context.Context, tx pgx.Tx, w whose, c Condition, now time.Time) error {
	f := Finding{
		Kind: c.Kind, Severity: c.Severity, Title: c.Title, Cause: string(c.Cause), Remedy: string(c.Remedy),
		Run: string(c.Run), Since: c.Since,
	}
	n := c.Told + 1
	tag, err := tx.Exec(ctx, `update conditions set told = $2, told_at = $3 where id = $1::uuid and told = $2 - 1 and cleared_at is null`,
		c.ID, n, now)
	if err != nil || tag.RowsAffected() == 0 {
		return err // cleared meanwhile, or told by another
	}
	_, err = tell(ctx, tx, w, newNotice{Finding: f, Key: nthKey(c.Kind, c.ID, n), Condition: c.ID, Nth: n}, now)
	return err
}

// refresh has a condition say how it is now, without telling of it.
func refresh(ctx context.Context, tx pgx.Tx, c Condition, f Finding) error {
	if c.Severity == f.Severity && c.Title == f.Title && string(c.Cause) == f.Cause && string(c.Remedy) == f.Remedy && string(c.Run) == f.Run {
		return nil
	}
	_, err := tx.Exec(ctx, `update conditions set severity = $2, title = $3, cause = $4, remedy = $5, run_id = $6 where id = $1::uuid`,
		c.ID, f.Severity, f.Title, f.Cause, f.Remedy, f.Run)
	return err
}

// clear ends a condition. One that nobody was told of leaves no trace.
func clearCondition(ctx context.Context, tx pgx.Tx, c Condition, now time.Time) error {
	sql := `update conditions set cleared_at = greatest($2, since) where id = $1::uuid and cleared_at is null`
	if c.Told == 0 {
		sql = `delete from conditions where id = $1::uuid and told = 0 and $2::timestamptz is not null`
	}
	_, err := tx.Exec(ctx, sql, c.ID, now)
	return err
}
