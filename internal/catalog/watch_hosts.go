package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// Watched says what a look at all hosts came to.
type Watched struct {
	// Hosts is how many were looked at, Changed how many have other conditions
	// than before, Repeated how many notices were told again.
	Hosts, Changed, Repeated int
}

// LongRuns says from when on a run takes far longer than usual: when it takes
// Factor times as long, and Least longer.
type LongRuns struct {
	Factor int
	Least  time.Duration
}

// WatchHosts notices what time alone changes of hosts, and whatever else was not
// noticed when it happened: hosts without a good snapshot for too long, runs that
// take far longer than usual. It repeats what lasts, as often as the policy of
// the host says. A host that cannot be looked at does not keep the others from
// it.
func (s *Store) WatchHosts(ctx context.Context, long LongRuns, now time.Time) (Watched, error) {
	var seen fleetFacts
	if err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		seen, err = readFleet(ctx, tx, now)
		return err
	}); err != nil {
		return Watched{}, err
	}
	w := Watched{Hosts: len(seen.hosts)}
	var failed []error
	for _, f := range seen.hosts {
		changed, repeated, err := s.watchHost(ctx, f, seen, long, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.host(), err))
		}
		if changed {
			w.Changed++
		}
		w.Repeated += repeated
	}
	return w, s.explain(errors.Join(failed...))
}

// fleetFacts are the facts of all hosts at one time.
type fleetFacts struct {
	hosts    []hostFacts
	open     map[string][]Condition
	settings layers
	running  map[string][]runningRun
}

// runningRun is a run under way.
type runningRun struct {
	ID, Host, Kind string
	Started        time.Time
	// Typical is how long backups of the host take, in seconds; nil when there
	// was none yet.
	Typical *float64
}

func readFleet(ctx context.Context, tx pgx.Tx, now time.Time) (f fleetFacts, err error) {
	if f.hosts, err = rows[hostFacts](ctx, tx, selectFacts+` order by g.name, h.name`); err != nil {
		return f, err
	}
	if f.open, err = hostConditions(ctx, tx); err != nil {
		return f, err
	}
	if f.settings, err = allSettings(ctx, tx); err != nil {
		return f, err
	}
	running, err := rows[runningRun](ctx, tx, `select r.id, r.host_id::text as host, r.kind, r.started, n.typical_seconds as typical
		from runs r join newest_backups n on n.host_id = r.host_id where r.state = 'running' and r.kind = 'backup' and r.started < $1`, now)
	f.running = map[string][]runningRun{}
	for _, r := range running {
		f.running[r.Host] = append(f.running[r.Host], r)
	}
	return f, err
}

func (s *Store) watchHost(ctx context.Context, f hostFacts, seen fleetFacts, long LongRuns, now time.Time) (changed bool, repeated int, err error) {
	e := seen.settings.effective(Host{ID: f.ID, Group: f.Group})
	open := seen.open[f.ID]
	found := f.findings(func() policy.Health { return f.overdue(e, now) })
	slow := f.slow(seen.running[f.ID], open, long, now)
	nag := e.NagEvery.Value.Duration()
	due := dueAgain(open, nag, now)
	if changed = f.differs(open, found) || len(slow) > 0; !changed && len(due) == 0 {
		return false, 0, nil
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		// The host may have changed since it was looked at.
		if err := settle(ctx, tx, f.ID, now); err != nil {
			return err
		}
		for _, finding := range slow {
			if err := raise(ctx, tx, f.whose(), finding, now); err != nil {
				return err
			}
		}
		lasting, err := rows[Condition](ctx, tx, selectCondition+` where c.host_id = $1::uuid and c.cleared_at is null`, f.ID)
		if err != nil {
			return err
		}
		for _, c := range dueAgain(lasting, nag, now) {
			if err := tellAgain(ctx, tx, f.whose(), c, now); err != nil {
				return err
			}
			repeated++
		}
		return nil
	})
	return changed, repeated, err
}

// differs says whether a host needs to be settled.
func (f hostFacts) differs(open []Condition, found []Finding) bool {
	still := 0
	for _, c := range open {
		if !f.lasts(c, found) {
			return true
		}
		if c.Kind != NoticeLong {
			still++
		}
	}
	return still != len(found)
}

// slow gives the runs of a host that take far longer than usual, and were not
// told of yet.
func (f hostFacts) slow(running []runningRun, open []Condition, long LongRuns, now time.Time) []Finding {
	for _, c := range open {
		if c.Kind == NoticeLong {
			return nil
		}
	}
	for _, r := range running {
		if r.Typical == nil || long.Factor < 1 || !f.Enabled {
			continue
		}
		usual := time.Duration(*r.Typical * float64(time.Second))
		takes := now.Sub(r.Started)
		if takes < time.Duration(long.Factor)*usual || takes < usual+long.Least {
			continue
		}
		return []Finding{{
			Kind: NoticeLong, Severity: SeverityWarning, Title: f.host() + ": the backup takes far longer than usual", Run: r.ID, Since: r.Started,
			Cause:  fmt.Sprintf("It began at %s; backups of this host take %s.", stamp(r.Started), usual.Round(time.Second)),
			Remedy: "see how far it is: `planb run show " + r.ID + "`; to end it: `planb run cancel " + r.ID + "`",
		}}
	}
	return nil
}

// dueAgain gives the conditions that are to be told again.
func dueAgain(open []Condition, nag time.Duration, now time.Time) (due []Condition) {
	if nag <= 0 {
		return nil
	}
	for _, c := range open {
		if c.ToldAt != nil && now.Sub(*c.ToldAt) >= nag {
			due = append(due, c)
		}
	}
	return due
}
