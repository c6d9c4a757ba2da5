package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// tellGood tells of a good snapshot that was taken at a time: what is recorded
// late is as old as that. Nothing else may: those who wait for it
// raise the alarm when nothing comes.
func tellGood(ctx context.Context, tx pgx.Tx, r RunStart, e RunEnd, at time.Time) error {
	facts, err := rows[hostFacts](ctx, tx, selectFacts+` where h.id::text = $1`, r.HostID)
	if err != nil || len(facts) == 0 {
		return err
	}
	f := facts[0]
	_, err = tell(ctx, tx, f.whose(), newNotice{Key: NoticeGood + "/" + r.ID, Finding: Finding{
		Kind: NoticeGood, Severity: SeverityInfo, Title: f.host() + " has a good snapshot: " + e.Snapshot,
		Cause: e.Message, Run: r.ID,
	}}, at)
	return err
}

// tellEnabled tells that a host was enabled, or disabled and why. What was told
// of a host does not last while it is disabled.
func tellEnabled(ctx context.Context, tx pgx.Tx, h Host, enabled bool, reason string) error {
	var now time.Time
	var id string
	if err := tx.QueryRow(ctx, `select now(), gen_random_uuid()::text`).Scan(&now, &id); err != nil {
		return err
	}
	facts, err := rows[hostFacts](ctx, tx, selectFacts+` where h.id = $1::uuid`, h.ID)
	if err != nil || len(facts) == 0 {
		return err
	}
	host, actor := facts[0].host(), actorOf(ctx)
	n := Finding{Kind: NoticeEnabled, Severity: SeverityInfo, Title: host + " is enabled", Cause: "By " + actor + "."}
	if !enabled {
		n = Finding{
			Kind: NoticeDisabled, Severity: SeverityWarning, Title: host + " is disabled: it is not backed up",
			Cause: "By " + actor + ": " + reason, Remedy: "when it is to be backed up again: `planb host enable " + host + "`",
		}
	}
	if _, err := tell(ctx, tx, facts[0].whose(), newNotice{Key: n.Kind + "/" + id, Finding: n}, now); err != nil {
		return err
	}
	return settle(ctx, tx, h.ID, now)
}
