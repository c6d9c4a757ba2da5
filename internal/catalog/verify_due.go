package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// DueVerification is a host whose backups are to be verified now.
type DueVerification struct {
	HostPolicy
	// LastVerify is nil for one that never was.
	LastVerify *time.Time
}

// VerifyWork is what there is to verify.
type VerifyWork struct {
	// Due are the hosts whose turn it is, the longest overdue first.
	Due []DueVerification
	// PerHour is how many verifications an hour has to see so that all hosts get
	// their turn, those that are not due now included.
	PerHour float64
	// UnderWay counts, by storage server, the verifications under way.
	UnderWay map[string]int
}

// verifyRow is a host with the last try to verify it, whatever came of it.
type verifyRow struct {
	Host
	LastTry  *time.Time
	UnderWay bool
}

// verifyAgain is how long after a try that failed, or that found a mismatch,
// the next one is due.
const verifyAgain = 24 * time.Hour

// VerifyWork gives what there is to verify at the time now. A host's turn comes
// verify_every after its last verification; a day after one that failed or
// found a mismatch; and for the first time a day after the host was added.
// Disabled hosts have their turn, too, for their data is kept. Hosts that another
// workflow has claimed, that have no good snapshot, or whose window is not open
// have to wait.
func (s *Store) VerifyWork(ctx context.Context, now time.Time) (VerifyWork, error) {
	w := VerifyWork{UnderWay: map[string]int{}}
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		found, err := rows[verifyRow](ctx, tx, `select`+hostColumns+`, r.started as last_try,
			exists (select from runs where host_id = h.id and kind = 'verify' and finished is null) as under_way`+hostTables+`
			left join lateral (select started from runs where host_id = h.id and kind = 'verify'
				order by started desc limit 1) r on true
			where h.dataset_made and h.last_good_snapshot <> '' and h.claimed_by = ''
			order by coalesce(h.last_verify, h.created_at), h.id`)
		if err != nil {
			return err
		}
		set, err := allSettings(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range found {
			e := set.effective(row.Host)
			every := e.VerifyEvery.Value.Duration()
			if row.UnderWay {
				w.UnderWay[row.Server]++
			}
			if every <= 0 {
				continue
			}
			w.PerHour += float64(time.Hour) / float64(every)
			if row.due(now, every) && open(e, now) && !row.UnderWay {
				w.Due = append(w.Due, DueVerification{HostPolicy: HostPolicy{Host: row.Host, Policy: e}, LastVerify: row.LastVerify})
			}
		}
		return nil
	})
	return w, err
}

func (r verifyRow) due(now time.Time, every time.Duration) bool {
	soon := min(every, verifyAgain)
	if r.LastTry != nil && now.Sub(*r.LastTry) < soon {
		return false
	}
	switch {
	case r.LastVerify == nil:
		return now.Sub(r.CreatedAt) >= soon
	case r.LastVerifyState == VerifyMismatch:
		return true
	}
	return now.Sub(*r.LastVerify) >= every
}

// open says whether a host may be asked for its files now. A time zone that is
// not known here keeps nothing from being verified.
func open(e policy.Effective, now time.Time) bool {
	zone, err := e.Location()
	return err != nil || e.Window.Value.Contains(now, zone)
}

// The outcomes of a verification.
const (
	VerifyProven   = "proven"
	VerifyMismatch = "mismatch"
	VerifyUnproven = "unproven"
)
