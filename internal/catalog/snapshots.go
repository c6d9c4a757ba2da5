package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Snapshot is a snapshot of a host's dataset, as last seen on the pool.
type Snapshot struct {
	Host string `json:"host"`
	// Name is what stands after the @.
	Name    string    `json:"snapshot"`
	Created time.Time `json:"created"`
	// State is ok, warning, partial, suspect, rejected, or empty for one that
	// carries none.
	State           Text     `json:"state"`
	Tiers           []string `json:"tiers"`
	UsedBytes       int64    `json:"used_bytes"`
	ReferencedBytes int64    `json:"referenced_bytes"`
	Holds           int      `json:"holds"`
	Held            bool     `json:"held"`
	HoldReason      Text     `json:"hold_reason"`
	// HoldUntil is when the hold ends; nil when it does not by itself.
	HoldUntil *time.Time `json:"hold_until"`
	Run       Text       `json:"run"`
}

const selectSnapshot = `
	select g.name || '/' || h.name as host, sn.name, sn.created, sn.state, sn.tiers, sn.used_bytes, sn.referenced_bytes,
		sn.holds, sn.holds > 0 as held, sn.hold_reason, sn.hold_until, sn.run_id as run
	from snapshots sn join hosts h on h.id = sn.host_id join groups g on g.id = h.group_id`

// Listing is what the pool holds for a host.
type Listing struct {
	Snapshots []Snapshot
	// Sizes are told by the clock of the storage server; nil when not measured.
	Sizes *Sizes
	// At is when the snapshots were listed, by that clock as well.
	At time.Time
	// Asked is when the storage server was asked, by the clock that is the same
	// for all of them: Temporal's.
	Asked time.Time
}

// RecordListing records what the pool holds for a host; what is not in it is
// gone from the catalog too. The newest good snapshot that PlanB made, leaving
// out those dated in the future of At, becomes the host's last good snapshot. A
// backup that is on record as having made none of them, and made it, is mended.
//
// One that was asked for before the one on record changes nothing, unless that
// one was asked for by a clock that ran ahead. A host removed meanwhile is a
// NotFoundError.
func (s *Store) RecordListing(ctx context.Context, hostID string, l Listing) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := lockHostID(ctx, tx, hostID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update hosts set listed_at = $2 where id = $1::uuid
			and (listed_at is null or listed_at <= $2 or listed_at > now() + interval '`+clockSlack+`')`, hostID, l.Asked)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := replaceSnapshots(ctx, tx, hostID, l.Snapshots, l.At); err != nil || l.Sizes == nil {
			return err
		}
		return setSizes(ctx, tx, hostID, *l.Sizes)
	})
}

// clockSlack is how far clocks may differ that are taken for right.
const clockSlack = "10 minutes"

// ReplaceSnapshots is RecordListing without sizes, for a list that was made as
// it was asked for.
func (s *Store) ReplaceSnapshots(ctx context.Context, hostID string, list []Snapshot, at time.Time) error {
	return s.RecordListing(ctx, hostID, Listing{Snapshots: list, At: at, Asked: at})
}

func replaceSnapshots(ctx context.Context, tx pgx.Tx, hostID string, list []Snapshot, at time.Time) error {
	if _, err := tx.Exec(ctx, `delete from snapshots where host_id = $1::uuid`, hostID); err != nil {
		return err
	}
	var batch pgx.Batch
	var good *Snapshot
	for i, sn := range list {
		batch.Queue(`insert into snapshots (host_id, name, created, state, tiers, used_bytes, referenced_bytes, holds, hold_reason, run_id, hold_until)
			values ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, hostID, sn.Name, sn.Created, sn.State, orEmpty(sn.Tiers),
			sn.UsedBytes, sn.ReferencedBytes, sn.Holds, sn.HoldReason, sn.Run, sn.HoldUntil)
		if isGood(sn) && !policy.IsFuture(sn.taken(), at) && (good == nil || sn.taken().After(good.taken())) {
			good = &list[i]
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	var lastGood *time.Time
	var name string
	if good != nil {
		lastGood, name = &good.Created, good.Name
	}
	_, err := tx.Exec(ctx, `update hosts set snapshot_count = $2, last_good = $3, last_good_snapshot = $4
		where id = $1::uuid`, hostID, len(list), lastGood, name)
	if err != nil {
		return err
	}
	return creditSnapshots(ctx, tx, "", hostID)
}

// taken is the time in the name where there is one, as for retention: ZFS tells
// whole seconds, and not when the files were pulled.
func (sn Snapshot) taken() time.Time {
	return policy.Snapshot{Name: sn.Name, Created: sn.Created}.Time()
}

// isGood leaves out the snapshots of others, which carry no state either.
func isGood(sn Snapshot) bool {
	return policy.IsGood(string(sn.State)) && policy.ParseSnapshotName(sn.Name).Kind != policy.KindForeign
}

// Snapshots gives the snapshots of a host, the oldest first.
func (s *Store) Snapshots(ctx context.Context, host ident.Host) ([]Snapshot, error) {
	if _, err := s.Host(ctx, host); err != nil {
		return nil, err
	}
	found, err := rows[Snapshot](ctx, s.pool, selectSnapshot+` where g.name = $1 and h.name = $2 order by sn.created, sn.name`,
		host.Group, host.Name)
	return found, s.explain(err)
}

// Sizes are what a host's dataset takes on the pool, in bytes.
type Sizes struct {
	UsedBytes       int64     `json:"used_bytes"`
	ReferencedBytes int64     `json:"referenced_bytes"`
	At              time.Time `json:"at"`
}

// SetSizes records what was measured. An older measurement changes nothing,
// unless the one on record is dated by a clock that ran ahead.
func (s *Store) SetSizes(ctx context.Context, hostID string, z Sizes) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `select from hosts where id::text = $1
			and (measured_at is null or measured_at <= $2 or measured_at > now() + interval '`+clockSlack+`') for update`, hostID, z.At)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return setSizes(ctx, tx, hostID, z)
	})
}

func setSizes(ctx context.Context, tx pgx.Tx, hostID string, z Sizes) error {
	_, err := tx.Exec(ctx, `update hosts set used_bytes = $2, referenced_bytes = $3, measured_at = $4
		where id::text = $1`, hostID, z.UsedBytes, z.ReferencedBytes, z.At)
	return err
}
