package catalog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// Verification is the evidence of one verification: a sample of a snapshot was
// restored, and held against what the host has or had. It is kept for good.
type Verification struct {
	// Run is that of the verification.
	Run string `json:"run"`
	// Host is what the host is called now, or was when it was verified, if it
	// is removed; HostID is empty then.
	Host            string     `json:"host"`
	HostID          Text       `json:"host_id"`
	Server          string     `json:"server"`
	Dataset         string     `json:"dataset"`
	Snapshot        string     `json:"snapshot"`
	SnapshotCreated *time.Time `json:"snapshot_created"`
	// Trigger is schedule or manual.
	Trigger string `json:"trigger"`
	// Outcome is proven, mismatch or unproven; Summary says it in a sentence.
	Outcome  string    `json:"outcome"`
	Summary  string    `json:"summary"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// RestoreSeconds is how long restoring took, comparing not included.
	RestoreSeconds float64 `json:"restore_seconds"`
	// Sample is which files were asked for, as policy writes it.
	Sample string `json:"sample"`
	// What follows counts files, Bytes those restored; see verify.Tally.
	Files         int64 `json:"files"`
	Bytes         int64 `json:"bytes"`
	ByHost        int64 `json:"by_host"`
	ByChecksum    int64 `json:"by_checksum"`
	Compared      int64 `json:"compared"`
	NotComparable int64 `json:"not_comparable"`
	TooLarge      int64 `json:"too_large"`
	Mismatched    int64 `json:"mismatched"`
	Attributes    int64 `json:"attributes"`
	Canaries      int64 `json:"canaries"`
	CanariesOK    int64 `json:"canaries_ok"`
	// HostNotAsked says why; empty when the host itself was compared with.
	HostNotAsked Text `json:"host_not_asked"`
	// Findings are the first that are not as they have to be, objects of path,
	// kind and text; Uncompared and AttributeFiles are the first of these files.
	Findings       json.RawMessage `json:"findings"`
	Uncompared     json.RawMessage `json:"uncompared"`
	AttributeFiles json.RawMessage `json:"attribute_files"`
	WorkerVersion  string          `json:"worker_version"`
	// Pool is the one that holds the dataset, with its state and its last scrub
	// at that time; see Storage.
	Pool        string     `json:"pool"`
	PoolHealth  string     `json:"pool_health"`
	ScrubState  Text       `json:"scrub_state"`
	ScrubAt     *time.Time `json:"scrub_at"`
	ScrubErrors *int64     `json:"scrub_errors"`
	DataErrors  *int64     `json:"data_errors"`
}

const selectVerification = `
	select v.run_id as run, coalesce(g.name, v.group_name) || '/' || coalesce(h.name, v.host_name) as host,
		coalesce(v.host_id::text, '') as host_id, v.server, v.dataset, v.snapshot, v.snapshot_created, v.trigger,
		v.outcome, v.summary, v.started, v.finished, v.restore_seconds, v.sample, v.files, v.bytes, v.by_host,
		v.by_checksum, v.compared, v.not_comparable, v.too_large, v.mismatched, v.attributes, v.canaries,
		v.canaries_ok, v.host_not_asked, v.findings, v.uncompared, v.attribute_files, v.worker_version, v.pool,
		v.pool_health, v.scrub_state, v.scrub_at, v.scrub_errors, v.data_errors
	from verifications v left join hosts h on h.id = v.host_id left join groups g on g.id = h.group_id`

// RecordVerification keeps the evidence of a verification, and what it means
// for the host: when it was last verified, and when its backups were last
// proven; a mismatch stands until the same or a newer snapshot is proven with
// the host asked. It writes what is to be told of that. Done again it changes nothing. Host and HostID name the host as it was
// called at the time; one that was removed since keeps its evidence.
func (s *Store) RecordVerification(ctx context.Context, v Verification) error {
	host, err := ident.ParseHost(v.Host)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			insert into verifications (run_id, host_id, group_name, host_name, server, dataset, snapshot,
				snapshot_created, trigger, outcome, summary, started, finished, restore_seconds, sample, files, bytes,
				by_host, by_checksum, compared, not_comparable, too_large, mismatched, attributes, canaries,
				canaries_ok, host_not_asked, findings, uncompared, attribute_files, worker_version, pool, pool_health,
				scrub_state, scrub_at, scrub_errors, data_errors)
			values ($1, (select id from hosts where id::text = $2), $3, $4, $5, $6, $7, coalesce($8, (select created
				from snapshots where host_id::text = $2 and name = $7)), $9, $10, $11, $12, $13, $14, $15, $16, $17,
				$18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37)
			on conflict (run_id) do nothing`,
			v.Run, v.HostID, host.Group, host.Name, v.Server, v.Dataset, v.Snapshot, v.SnapshotCreated, v.Trigger,
			v.Outcome, v.Summary, v.Started, v.Finished, v.RestoreSeconds, v.Sample, v.Files, v.Bytes, v.ByHost,
			v.ByChecksum, v.Compared, v.NotComparable, v.TooLarge, v.Mismatched, v.Attributes, v.Canaries,
			v.CanariesOK, v.HostNotAsked, list(v.Findings), list(v.Uncompared), list(v.AttributeFiles),
			v.WorkerVersion, v.Pool, v.PoolHealth, v.ScrubState, v.ScrubAt, v.ScrubErrors, v.DataErrors)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `
			update hosts set last_verify = $2, last_verify_state = $3,
				last_proven = case when $3 = 'proven' then $2 else last_proven end,
				last_proven_snapshot = case when $3 = 'proven' then $4 else last_proven_snapshot end
			where id::text = $1 and (last_verify is null or last_verify <= $2)
				-- What a mismatch found stands until something shows that it is right now: an older snapshot does
				-- not, nor does a sample of which nothing was compared or that the host was not asked about.
				and not ($3 <> 'mismatch' and last_verify_state = 'mismatch' and ($3 = 'unproven' or $5 <> '' or exists (
					select from verifications was join verifications now on now.run_id = $6
					where was.host_id = hosts.id and was.outcome = 'mismatch' and was.finished = hosts.last_verify
						and was.snapshot_created > now.snapshot_created)))`,
			v.HostID, v.Finished, v.Outcome, v.Snapshot, v.HostNotAsked, v.Run)
		if err != nil {
			return err
		}
		return settle(ctx, tx, string(v.HostID), v.Finished)
	})
}

// list gives a JSON array, also for nothing.
func list(array json.RawMessage) json.RawMessage {
	if len(array) == 0 || string(array) == "null" {
		return json.RawMessage("[]")
	}
	return array
}

// VerificationFilter narrows a list of evidence; the zero value takes all.
type VerificationFilter struct {
	Visible Visible
	Host    ident.Host
	Group   string
	// Run takes the evidence of one verification.
	Run string
	// Since takes only what began then or later.
	Since time.Time
	// After leaves out what is not later in the list than this place; Limit is
	// the most to give, 0 all.
	After *RunPlace
	Limit int
}

// Verifications gives evidence, the newest first. That of a host is found under
// its present name; that of a removed one under the name it had.
func (s *Store) Verifications(ctx context.Context, f VerificationFilter) ([]Verification, error) {
	var c conditions
	const group, host = `coalesce(g.name, v.group_name)`, `coalesce(h.name, v.host_name)`
	c.see(f.Visible, group)
	c.addIf(f.Host != (ident.Host{}), group+" = ?", f.Host.Group)
	c.addIf(f.Host != (ident.Host{}), host+" = ?", f.Host.Name)
	c.addIf(f.Group != "", group+" = ?", f.Group)
	c.addIf(f.Run != "", `v.run_id = ?`, f.Run)
	c.addIf(!f.Since.IsZero(), `v.started >= ?`, f.Since)
	if f.After != nil {
		c.add(`v.started <= ?`, f.After.Started)
		c.parts = append(c.parts, `(v.started < `+c.arg(f.After.Started)+` or v.run_id > `+c.arg(f.After.ID)+`)`)
	}
	limit := ""
	if f.Limit > 0 {
		limit = ` limit ` + c.arg(f.Limit)
	}
	found, err := rows[Verification](ctx, s.pool, selectVerification+` where `+c.sql()+` order by v.started desc, v.run_id`+limit, c.args...)
	return found, s.explain(err)
}
