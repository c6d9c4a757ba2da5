package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// hostFacts are what the conditions of a host follow from. Whatever changes one
// of them calls settle in the same transaction, so that each change of a host's
// state is told once, whatever ends in between; WatchFleet settles what only
// time changes.
type hostFacts struct {
	ID, GroupID, Group, Name string
	Enabled                  bool
	// EnabledAt is when it was last enabled after it had been disabled; nil when
	// it never was. CreatedAt is when it was added.
	EnabledAt       *time.Time
	CreatedAt       time.Time
	LastGood        *time.Time
	LastVerify      *time.Time
	LastVerifyState string
	// The newest backup that came to an end of its own.
	EndedRun, EndedState, EndedMessage, EndedRemedy string
	EndedAt                                         *time.Time
	// EndedSuspect says that a guard tripped in it.
	EndedSuspect bool
	// Undecided says that a suspect snapshot waits for a decision, or may.
	Undecided bool
	// UnderWay are the ids of the host's runs that have not ended.
	UnderWay []string
}

// A snapshot that the listing on record is too old to know is as suspect as its
// run said.
const selectFacts = `
	select h.id::text as id, g.id::text as group_id, g.name as "group", h.name, h.enabled, h.enabled_at, h.created_at, h.last_good,
		h.last_verify, h.last_verify_state, coalesce(n.ended_run, '') as ended_run, coalesce(n.ended_state, '') as ended_state,
		n.ended_at, coalesce(n.ended_message, '') as ended_message, coalesce(n.ended_remedy, '') as ended_remedy,
		coalesce(r.suspect, false) as ended_suspect,
		exists (select from snapshots sn where sn.host_id = h.id and sn.state = 'suspect')
			or exists (select from runs sr where sr.host_id = h.id and sr.suspect and (h.listed_at is null or h.listed_at < sr.finished)
				and not exists (select from snapshots sn where sn.host_id = h.id and sn.name = sr.snapshot)) as undecided,
		array(select u.id from runs u where u.host_id = h.id and u.finished is null) as under_way
	from hosts h join groups g on g.id = h.group_id
		left join newest_backups n on n.host_id = h.id left join runs r on r.id = n.ended_run`

func (f hostFacts) host() string { return f.Group + "/" + f.Name }

func (f hostFacts) whose() whose {
	return whose{About: AboutHost, Subject: f.host(), HostID: f.ID, GroupID: f.GroupID, Group: f.Group, Name: f.Name}
}

// good says that the newest backup that ended made a snapshot to restore from.
func (f hostFacts) good() bool {
	return f.EndedState != "" && policy.IsGood(f.EndedState) && !f.EndedSuspect
}

// overdue is the health of the host but for what is told by other kinds, where
// that is an age which counts: not before a host that was just enabled had the
// time to be backed up.
func (f hostFacts) overdue(e policy.Effective, now time.Time) policy.Health {
	gap := e.Timetable(f.ID).LongestGap()
	late, _ := policy.HealthAges(gap)
	if now.Sub(f.enabledSince()) <= late {
		return policy.HealthOK
	}
	return policy.HealthOf(policy.HealthInput{
		LastGood: f.LastGood, LastRunState: f.EndedState, Enabled: f.Enabled, Every: gap, Now: now,
	})
}

func (f hostFacts) enabledSince() time.Time {
	if f.EnabledAt != nil {
		return *f.EnabledAt
	}
	return f.CreatedAt
}

// findings gives what is not as it should be with a host. That its backups fail
// says more than that they are late for it; a suspect one waits for a person, and
// what comes after it is as suspect.
func (f hostFacts) findings(overdue func() policy.Health) []Finding {
	if !f.Enabled {
		return nil
	}
	var found []Finding
	ended := Finding{Cause: f.EndedMessage, Remedy: f.EndedRemedy, Run: f.EndedRun}
	if f.EndedAt != nil {
		ended.Since = *f.EndedAt
	}
	if f.Undecided {
		found = append(found, f.suspect(ended))
	}
	// What ended before the host was enabled was told then.
	fresh := f.EnabledAt == nil || f.EndedAt != nil && !f.EndedAt.Before(*f.EnabledAt)
	switch {
	case fresh && f.EndedState == policy.StateFailed:
		ended.Kind, ended.Severity, ended.Title = NoticeFailed, SeverityError, f.host()+": the backup failed"
		found = append(found, ended)
	case fresh && f.EndedState == policy.StatePartial:
		ended.Kind, ended.Severity, ended.Title = NoticePartial, SeverityWarning, f.host()+": files are missing in the backup"
		found = append(found, ended)
	case !f.Undecided:
		if late, is := f.late(overdue()); is {
			found = append(found, late)
		}
	}
	if f.LastVerifyState == VerifyMismatch {
		found = append(found, f.mismatch())
	}
	return found
}

// suspect is what lasts until somebody decides; ended tells why, if it was that
// backup in which the guard tripped.
func (f hostFacts) suspect(ended Finding) Finding {
	if !f.EndedSuspect {
		ended = Finding{
			Cause:  "A guard found that the host had lost or changed more than it should, and nobody has decided about the snapshot.",
			Remedy: fmt.Sprintf("if the host is as it should be, say `planb host accept %s`, else `planb host reject %s`", f.host(), f.host()),
		}
	}
	ended.Kind, ended.Severity, ended.Title = NoticeSuspect, SeverityError, f.host()+" has a suspect snapshot"
	return ended
}

func (f hostFacts) late(health policy.Health) (Finding, bool) {
	late := Finding{
		Kind: NoticeLate, Severity: SeverityError,
		Remedy: fmt.Sprintf("look why no backup started or ended: `planb runs %s`, `planb schedule list`; or start one: `planb backup %s`", f.host(), f.host()),
	}
	switch health {
	case policy.HealthLate:
		late.Severity, late.Title = SeverityWarning, f.host()+": the backup is late"
	case policy.HealthFailing:
		late.Title = f.host() + ": there has been no good backup for too long"
	case policy.HealthNever:
		late.Title, late.Cause = f.host()+" has never had a good backup", "It is enabled since "+stamp(f.enabledSince())+"."
		return late, true
	default:
		return late, false
	}
	late.Cause = "The last good snapshot is of " + stamp(*f.LastGood) + ", which is longer ago than its schedule allows."
	return late, true
}

func (f hostFacts) mismatch() Finding {
	m := Finding{
		Kind: NoticeMismatch, Severity: SeverityCritical, Title: f.host() + ": files in the backup are not as they have to be",
		Cause:  "A verification restored files of a snapshot and found that they differ from what was backed up.",
		Remedy: "see `planb verify --report " + f.host() + "`, and the state of the storage's pool; another host's backups may be affected, too",
	}
	if f.LastVerify != nil {
		m.Since = *f.LastVerify
	}
	return m
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// settle compares what a host is like with what is on record, puts new findings
// there, clears what is over, and writes what is to be told of it. Done again it
// changes nothing. tx holds no other lock on hosts than on this one.
func settle(ctx context.Context, tx pgx.Tx, hostID string, now time.Time) error {
	// First the lock, then a look: what a query reads beside the row that it waits
	// for is as old as its beginning.
	if _, err := tx.Exec(ctx, `select 1 from hosts where id::text = $1 for no key update`, hostID); err != nil {
		return err
	}
	facts, err := rows[hostFacts](ctx, tx, selectFacts+` where h.id::text = $1`, hostID)
	if err != nil || len(facts) == 0 {
		return err
	}
	f := facts[0]
	open, err := rows[Condition](ctx, tx, selectCondition+` where c.host_id::text = $1 and c.cleared_at is null order by c.since`, hostID)
	if err != nil {
		return err
	}
	var problem error
	found := f.findings(func() policy.Health {
		var e policy.Effective
		e, problem = effective(ctx, tx, Host{ID: f.ID, Group: f.Group})
		return f.overdue(e, now)
	})
	if problem != nil {
		return problem
	}
	return f.change(ctx, tx, open, found, now)
}

// change makes the conditions on record those that were found.
func (f hostFacts) change(ctx context.Context, tx pgx.Tx, open []Condition, found []Finding, now time.Time) error {
	var over []Condition
	for _, c := range open {
		if f.lasts(c, found) {
			continue
		}
		if err := clearCondition(ctx, tx, c, now); err != nil {
			return err
		}
		if c.Kind != NoticeLong {
			over = append(over, c)
		}
	}
	for _, new := range found {
		i := slices.IndexFunc(open, func(c Condition) bool { return c.Kind == new.Kind })
		if i < 0 {
			if err := raise(ctx, tx, f.whose(), new, now); err != nil {
				return err
			}
			continue
		}
		if new.Kind == NoticeSuspect && !f.EndedSuspect {
			continue // what is on record says which guard it was
		}
		if err := refresh(ctx, tx, open[i], new); err != nil {
			return err
		}
	}
	first, err := f.tellFirst(ctx, tx, now)
	if err != nil || first || len(over) == 0 || len(found) > 0 || !f.Enabled {
		return err
	}
	return f.tellRecovered(ctx, tx, over, now)
}

// lasts says whether a condition on record is still there. How long a run takes
// is looked at by WatchFleet; here it is over when the run is.
func (f hostFacts) lasts(c Condition, found []Finding) bool {
	if c.Kind == NoticeLong {
		return slices.Contains(f.UnderWay, string(c.Run))
	}
	return slices.ContainsFunc(found, func(n Finding) bool { return n.Kind == c.Kind })
}

func (f hostFacts) tellRecovered(ctx context.Context, tx pgx.Tx, over []Condition, now time.Time) error {
	var was []string
	for _, c := range over {
		was = append(was, fmt.Sprintf("%s since %s", strings.ReplaceAll(c.Kind, "_", " "), stamp(c.Since)))
	}
	n := newNotice{Key: NoticeRecovered + "/" + over[0].ID, Condition: over[0].ID, Finding: Finding{
		Kind: NoticeRecovered, Severity: SeverityInfo, Title: f.host() + " has recovered",
		Cause: "It was " + strings.Join(was, ", ") + ".", Since: over[0].Since,
	}}
	if f.good() {
		n.Run = f.EndedRun
	}
	_, err := tell(ctx, tx, f.whose(), n, now)
	return err
}

// tellFirst tells of the first good backup that PlanB makes of a host.
func (f hostFacts) tellFirst(ctx context.Context, tx pgx.Tx, now time.Time) (told bool, err error) {
	if !f.good() {
		return false, nil
	}
	key := NoticeFirstSuccess + "/" + f.ID
	var before bool
	err = tx.QueryRow(ctx, `select exists (select from notices where key = $1) or exists (select from runs where host_id = $2::uuid
		and kind = 'backup' and state in ('ok', 'warning') and not suspect and snapshot <> '' and id <> $3)`, key, f.ID, f.EndedRun).Scan(&before)
	if err != nil || before {
		return false, err
	}
	return tell(ctx, tx, f.whose(), newNotice{Key: key, Finding: Finding{
		Kind: NoticeFirstSuccess, Severity: SeverityInfo, Title: f.host() + " has its first good backup",
		Cause: f.EndedMessage, Run: f.EndedRun,
	}}, now)
}

// SettleHost does what settle does, for those who changed nothing themselves.
func (s *Store) SettleHost(ctx context.Context, hostID string, now time.Time) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return settle(ctx, tx, hostID, now) })
}
