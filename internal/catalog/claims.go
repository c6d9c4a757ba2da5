package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// What a host is claimed for.
const (
	ForRename = "rename"
	ForRemove = "remove"
)

// Claimer is the workflow that a host belongs to while it changes the host.
type Claimer struct {
	// Run is its Temporal run id.
	Run        string `json:"run"`
	WorkflowID string `json:"workflow_id"`
	// For is one of the For constants.
	For string `json:"for"`
}

// HostClaim is a claim that stands.
type HostClaim struct {
	HostID string
	Claimer
}

// ClaimHost keeps runs of a host from beginning until ReleaseHost, and gives
// the host. Claimed again by the same run it does the same. While a run of the
// host is under way, or another claim stands, it is a BusyError.
func (s *Store) ClaimHost(ctx context.Context, host ident.Host, by Claimer) (Host, error) {
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) error {
		var err error
		if h, err = lockHost(ctx, tx, host); err != nil {
			return err
		}
		other, err := claimOn(ctx, tx, h.ID)
		if err != nil || other.Run == by.Run {
			return err
		}
		if other.Run != "" {
			return &BusyError{fmt.Sprintf("%s is being %sd by %s", host, other.For, other.WorkflowID)}
		}
		run, err := runUnderWay(ctx, tx, h.ID)
		if err != nil {
			return err
		}
		if run.ID != "" {
			return &BusyError{underWay(run.Kind, h.Ident().String(), run.ID)}
		}
		_, err = tx.Exec(ctx, `update hosts set claimed_by = $2, claimed_workflow = $3, claimed_for = $4
			where id = $1::uuid`, h.ID, by.Run, by.WorkflowID, by.For)
		return err
	})
	return h, err
}

// ReleaseHost ends the claim that a run has on a host, if it still stands.
func (s *Store) ReleaseHost(ctx context.Context, hostID, run string) error {
	_, err := s.pool.Exec(ctx, `update hosts set claimed_by = '', claimed_workflow = '', claimed_for = ''
		where id::text = $1 and claimed_by = $2`, hostID, run)
	return s.explain(err)
}

// HostClaims gives the claims that stand.
func (s *Store) HostClaims(ctx context.Context) ([]HostClaim, error) {
	found, err := rows[HostClaim](ctx, s.pool, selectClaim+` where claimed_by <> '' order by id`)
	return found, s.explain(err)
}

const selectClaim = `select id::text as host_id, claimed_by as run, claimed_workflow as workflow_id,
	claimed_for as "for" from hosts`

// claimOn gives the claim on a host; its Run is empty when there is none.
func claimOn(ctx context.Context, q querier, hostID string) (Claimer, error) {
	found, err := rows[HostClaim](ctx, q, selectClaim+` where id::text = $1`, hostID)
	if err != nil || len(found) == 0 {
		return Claimer{}, err
	}
	return found[0].Claimer, nil
}

// refuseWhileClaimed refuses to begin a run of a host that another workflow
// has claimed, and keeps it from being claimed until tx ends. A run that is on
// record has begun already.
func refuseWhileClaimed(ctx context.Context, tx pgx.Tx, r RunStart) error {
	known := false
	err := tx.QueryRow(ctx, `select exists (select from runs where id = $1)`, r.ID).Scan(&known)
	if err != nil || known {
		return err
	}
	if _, err := tx.Exec(ctx, `select 1 from hosts where id::text = $1 for share`, r.HostID); err != nil {
		return err
	}
	claim, err := claimOn(ctx, tx, r.HostID)
	if err != nil || claim.Run == "" || claim.Run == r.ID {
		return err
	}
	return claimedNow(r.Host.String(), claim.For)
}

// refuseClaimed refuses a change of a host that another run than by changes.
func refuseClaimed(ctx context.Context, tx pgx.Tx, h Host, by string) error {
	claim, err := claimOn(ctx, tx, h.ID)
	if err != nil || claim.Run == by {
		return err
	}
	if claim.Run == "" {
		return refusedf("the claim of run %s on %s is gone: start again", by, h.Ident())
	}
	return claimedNow(h.Ident().String(), claim.For)
}

func claimedNow(host, what string) error {
	return refusedf("%s is being %sd now: try again when that is done", host, what)
}

// busyRun is a run under way.
type busyRun struct{ Kind, ID string }

// RefuseClaimed refuses to work on the dataset of a host that is being renamed
// or removed.
func (s *Store) RefuseClaimed(ctx context.Context, h Host) error {
	claim, err := claimOn(ctx, s.pool, h.ID)
	if err != nil || claim.Run == "" {
		return s.explain(err)
	}
	return claimedNow(h.Ident().String(), claim.For)
}

// runUnderWay gives the oldest run of a host that has not ended; its ID is
// empty when there is none. Those that rename or remove the host are kept apart
// by their claims, and wait for all others.
func runUnderWay(ctx context.Context, q querier, hostID string) (busyRun, error) {
	found, err := rows[busyRun](ctx, q,
		`select kind, id from runs where host_id::text = $1 and finished is null
			and kind not in ('rename', 'delete') order by started limit 1`, hostID)
	if err != nil || len(found) == 0 {
		return busyRun{}, err
	}
	return found[0], nil
}

func underWay(kind, host, run string) string {
	return fmt.Sprintf("a %s of %s is under way: wait for it, or end it with `planb run cancel %s`", kind, host, run)
}
