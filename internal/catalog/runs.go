package catalog

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Kinds of runs.
const (
	KindBackup  = "backup"
	KindRestore = "restore"
	KindPrune   = "prune"
	KindRename  = "rename"
	KindDelete  = "delete"
	KindVerify  = "verify"
)

// Run is one execution of a workflow for a host. Its id is the workflow's
// Temporal run id.
type Run struct {
	ID         string `json:"run"`
	WorkflowID string `json:"workflow_id"`
	// Host is what the host is called now, or was when it was removed.
	Host string `json:"host"`
	// HostID is empty once the host is removed.
	HostID  Text   `json:"host_id"`
	Kind    string `json:"kind"`
	Trigger string `json:"trigger"`
	State   string `json:"state"`
	// Reason says why a run waits, and NextTry until when.
	Reason  Text       `json:"reason"`
	NextTry *time.Time `json:"next_try"`
	Started time.Time  `json:"started"`
	// Finished is nil while the run is under way.
	Finished        *time.Time `json:"finished"`
	DurationSeconds float64    `json:"duration_seconds"`
	// Snapshot is the name after the @; empty when none was taken.
	Snapshot         Text            `json:"snapshot"`
	FilesTotal       *int64          `json:"files_total"`
	FilesTransferred *int64          `json:"files_transferred"`
	FilesDeleted     *int64          `json:"files_deleted"`
	BytesTransferred *int64          `json:"bytes_transferred"`
	BytesTotal       *int64          `json:"bytes_total"`
	Warnings         int             `json:"warnings"`
	Message          Text            `json:"message"`
	Remedy           Text            `json:"remedy"`
	Detail           json.RawMessage `json:"detail"`
	// Suspect says that a guard tripped in it, whatever was decided since.
	Suspect       bool   `json:"suspect"`
	WorkflowRunID string `json:"workflow_run_id"`
}

const runColumns = `
		r.id, r.workflow_id, coalesce(g.name, r.group_name) || '/' || coalesce(h.name, r.host_name) as host,
		coalesce(r.host_id::text, '') as host_id, r.kind, r.trigger, r.state, r.reason, r.next_try,
		r.started, r.finished,
		greatest(0, extract(epoch from coalesce(r.finished, now()) - r.started))::float8 as duration_seconds,
		r.snapshot, r.files_total, r.files_transferred, r.files_deleted, r.bytes_transferred, r.bytes_total,
		r.warnings, r.message, r.remedy, r.detail, r.suspect, r.id as workflow_run_id`

// runNames finds what the host of a run is called now.
const runNames = ` left join hosts h on h.id = r.host_id left join groups g on g.id = h.group_id`

const selectRun = `select` + runColumns + ` from runs r` + runNames

// RunStart is what is known of a run when it begins.
type RunStart struct {
	ID         string     `json:"run"`
	WorkflowID string     `json:"workflow_id"`
	HostID     string     `json:"host_id"`
	Host       ident.Host `json:"host"`
	Kind       string     `json:"kind"`
	Trigger    string     `json:"trigger"`
	Started    time.Time  `json:"started"`
}

// RunEnd is what came of a run.
type RunEnd struct {
	// State is one of the final ones.
	State    string    `json:"state"`
	Finished time.Time `json:"finished"`
	Snapshot string    `json:"snapshot"`
	// SnapshotCreated is when the snapshot was taken.
	SnapshotCreated *time.Time `json:"snapshot_created"`
	// Suspect says that a guard tripped: the snapshot never counts as good.
	Suspect          bool   `json:"suspect"`
	FilesTotal       *int64 `json:"files_total"`
	FilesTransferred *int64 `json:"files_transferred"`
	FilesDeleted     *int64 `json:"files_deleted"`
	BytesTransferred *int64 `json:"bytes_transferred"`
	BytesTotal       *int64 `json:"bytes_total"`
	Warnings         int    `json:"warnings"`
	// Message is one line for people, Remedy what they can do about it.
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Detail is a JSON object; nil is an empty one.
	Detail json.RawMessage `json:"detail"`
	// Ping has those who wait for each good snapshot told of this one, if it is.
	Ping bool `json:"ping"`
}

// good says whether the run made a snapshot that the host can be restored from.
func (e RunEnd) good(kind string) bool {
	return kind == KindBackup && e.State != "" && policy.IsGood(e.State) && !e.Suspect && e.Snapshot != ""
}

// BeginRun records that a run is running; also that one which waited goes on.
// For a run that is on record as ended it changes nothing: a late message
// does not bring it back. A new run is refused while its host is being renamed
// or removed.
func (s *Store) BeginRun(ctx context.Context, r RunStart) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := refuseWhileClaimed(ctx, tx, r); err != nil {
			return err
		}
		if err := insertRun(ctx, tx, r); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update runs set state = 'running', reason = '', next_try = null
			where id = $1 and finished is null`, r.ID)
		return err
	})
}

// insertRun adds the run as running, unless it is on record. A run that ended
// before it had looked its host up finds it by its names.
func insertRun(ctx context.Context, tx pgx.Tx, r RunStart) error {
	_, err := tx.Exec(ctx, `
		insert into runs (id, workflow_id, host_id, group_name, host_name, kind, trigger, state, started)
		values ($1, $2, (select h.id from hosts h join groups g on g.id = h.group_id
			where h.id::text = $3 or $3 = '' and g.name = $4 and h.name = $5), $4, $5, $6, $7, 'running', $8)
		on conflict (id) do nothing`,
		r.ID, r.WorkflowID, r.HostID, r.Host.Group, r.Host.Name, r.Kind, r.Trigger, r.Started)
	return err
}

// SetWaiting records why a run that is under way is put off, and until when.
func (s *Store) SetWaiting(ctx context.Context, r RunStart, reason string, nextTry time.Time) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := insertRun(ctx, tx, r); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update runs set state = 'waiting', reason = $2, next_try = $3
			where id = $1 and finished is null`, r.ID, reason, nextTry)
		return err
	})
}

// FinishRun records the end of a run, begun on record or not, and writes what is
// to be told of it. Done again it gives the same; a good backup moves the host's
// last good snapshot forward.
func (s *Store) FinishRun(ctx context.Context, r RunStart, e RunEnd) error {
	if !policy.IsFinal(e.State) {
		return invalidf("%q is not the state of a run that has ended", e.State)
	}
	if e.Finished.Before(r.Started) {
		e.Finished = r.Started // two clocks that differ a little
	}
	if len(e.Detail) == 0 {
		e.Detail = json.RawMessage(`{}`)
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := insertRun(ctx, tx, r); err != nil {
			return err
		}
		hostID, err := lockHostOfRun(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update runs set state = $2, finished = greatest($3, started), snapshot = $4, files_total = $5,
				files_transferred = $6, files_deleted = $7, bytes_transferred = $8, bytes_total = $9, warnings = $10,
				message = $11, remedy = $12, detail = $13, suspect = $14, reason = '', next_try = null
			where id = $1`,
			r.ID, e.State, e.Finished, e.Snapshot, e.FilesTotal, e.FilesTransferred, e.FilesDeleted, e.BytesTransferred,
			e.BytesTotal, e.Warnings, e.Message, e.Remedy, e.Detail, e.Suspect)
		if err != nil {
			return err
		}
		if e.good(r.Kind) {
			if err := creditHost(ctx, tx, r, e); err != nil {
				return err
			}
		}
		if hostID == "" {
			return nil // it is removed
		}
		return settle(ctx, tx, hostID, e.Finished)
	})
}

// lockHostOfRun gives the id of the host of a run, or "", and keeps others from
// changing the host: its lock comes before those of its runs.
func lockHostOfRun(ctx context.Context, tx pgx.Tx, run string) (hostID string, err error) {
	err = tx.QueryRow(ctx, `select h.id::text from hosts h where h.id = (select host_id from runs where id = $1)
		for no key update`, run).Scan(&hostID)
	if noRow(err) {
		return "", nil
	}
	return hostID, err
}

// creditHost moves the host's last good snapshot forward, and has those told who
// wait for it.
func creditHost(ctx context.Context, tx pgx.Tx, r RunStart, e RunEnd) error {
	at := e.Finished
	if e.SnapshotCreated != nil {
		at = *e.SnapshotCreated
	}
	_, err := tx.Exec(ctx, `update hosts set last_good = $2, last_good_snapshot = $3
		where id::text = $1 and (last_good is null or last_good <= $2)`, r.HostID, at, e.Snapshot)
	if err != nil || !e.Ping {
		return err
	}
	return tellGood(ctx, tx, r, e, at)
}

// CloseRun ends a run that claims to be under way and is not, and says whether
// it did: a run that has ended meanwhile keeps its own end. One whose snapshot
// is known to be on the pool ends as good as that.
func (s *Store) CloseRun(ctx context.Context, id, state string, at time.Time, message, remedy string) (closed bool, err error) {
	if !policy.IsFinal(state) {
		return false, invalidf("%q is not the state of a run that has ended", state)
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		hostID, err := lockHostOfRun(ctx, tx, id)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update runs set state = $2, finished = greatest($3, started), message = $4, remedy = $5,
			reason = '', next_try = null where id = $1 and finished is null`, id, state, at, message, remedy)
		if closed = tag.RowsAffected() == 1; err != nil || !closed {
			return err
		}
		if err := creditSnapshots(ctx, tx, id, ""); err != nil || hostID == "" {
			return err
		}
		return settle(ctx, tx, hostID, at)
	})
	return closed, err
}

// creditSnapshots mends backups, one by its id or those of a host, that are on
// record as having made no snapshot, and made one. What a guard found about it
// is not known any more, but that the snapshot is suspect.
func creditSnapshots(ctx context.Context, tx pgx.Tx, run, hostID string) error {
	_, err := tx.Exec(ctx, `
		update runs r set snapshot = sn.name, remedy = '', suspect = sn.state = 'suspect',
			state = case when sn.state in ('ok', 'warning', 'partial') then sn.state else 'warning' end,
			message = r.message || case r.message when '' then '' else '; ' end || 'its snapshot ' || sn.name || ' is on the pool'
				|| case sn.state when 'suspect' then ', and suspect' else '' end
		from snapshots sn
		where (r.id = $1 or r.host_id::text = $2) and sn.host_id = r.host_id and sn.run_id = r.id
			and r.kind = 'backup' and r.finished is not null and r.snapshot = '' and r.state in ('failed', 'cancelled')`,
		run, hostID)
	return err
}

// RunFilter narrows a list of runs; the zero value takes the newest ones of all.
type RunFilter struct {
	Host  ident.Host
	Group string
	// Kind and State, when set, must be equal.
	Kind, State string
	// UnderWay takes only runs that have not ended.
	UnderWay bool
	// Since takes only runs started then or later.
	Since time.Time
	// Limit is the most to give; 0 means 100, less than 0 all.
	Limit int
}

// Runs gives runs, the newest first. Those of a host are found under its
// present name; those of a removed host under its last.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	limit := f.Limit
	switch {
	case f.Limit == 0:
		limit = 100
	case f.Limit < 0:
		limit = 0
	}
	q := RunQuery{
		Visible: Everything(), Host: f.Host, Group: f.Group, Kind: f.Kind, State: f.State, UnderWay: f.UnderWay, Since: f.Since,
	}
	var found []Run
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		found, err = q.read(ctx, tx, limit, true)
		return err
	})
	return found, err
}

// Run gives the run whose id is, or begins with, prefix.
func (s *Store) Run(ctx context.Context, prefix string) (Run, error) {
	missing := &NotFoundError{Kind: "run", Name: prefix, Hint: "see `planb runs`"}
	if prefix == "" || strings.Trim(strings.ToLower(prefix), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return Run{}, missing
	}
	found, err := rows[Run](ctx, s.pool, selectRun+` where r.id like $1 || '%' order by r.id = $1 desc, r.started desc limit 2`, prefix)
	switch {
	case err != nil:
		return Run{}, s.explain(err)
	case len(found) == 0:
		return Run{}, missing
	case len(found) > 1 && found[0].ID != prefix:
		return Run{}, invalidf("%q begins the ids of several runs: give more of it, see `planb runs`", prefix)
	}
	return found[0], nil
}
