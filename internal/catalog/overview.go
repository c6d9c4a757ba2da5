package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// HostOverview is how a host is doing, in one line.
type HostOverview struct {
	Host           string        `json:"host"`
	Group          string        `json:"group"`
	Name           string        `json:"name"`
	Address        string        `json:"address"`
	Enabled        bool          `json:"enabled"`
	DisabledReason Text          `json:"disabled_reason"`
	Health         policy.Health `json:"health"`
	// HealthReason says what is odd about it, in a sentence; mostly nothing.
	HealthReason Text `json:"health_reason"`
	// State is that of the newest backup, also while it is under way; runs
	// that were skipped do not count.
	State   Text `json:"state"`
	Message Text `json:"message"`
	// LastGood is the time of the newest good snapshot.
	LastGood *time.Time `json:"last_good"`
	// LastProven is when files of a snapshot were last restored and found equal
	// to the host's; LastVerify is when that was last tried, and LastVerifyState
	// what came of it: proven, mismatch or unproven.
	LastProven      *time.Time `json:"last_proven"`
	LastVerify      *time.Time `json:"last_verify"`
	LastVerifyState Text       `json:"last_verify_state"`
	// SuspectSince is the time of the oldest suspect snapshot that nobody has
	// decided about; nil when there is none.
	SuspectSince *time.Time `json:"suspect_since"`
	// LastRun is when the newest backup began.
	LastRun *time.Time `json:"last_run"`
	Run     Text       `json:"run"`
	// NextRun is when the schedule starts the next one; nil when disabled.
	NextRun         *time.Time `json:"next_run"`
	UsedBytes       *int64     `json:"used_bytes"`
	ReferencedBytes *int64     `json:"referenced_bytes"`
	Snapshots       int        `json:"snapshots"`
	Server          Text       `json:"server"`
	Storage         Text       `json:"storage"`
	Dataset         Text       `json:"dataset"`
	Tags            []string   `json:"tags"`
	Notes           Text       `json:"notes"`
}

// overviewRow is a host with its newest backup, which may be under way, and
// the state of the newest one that has ended.
type overviewRow struct {
	Host
	Run, RunState, RunMessage, EndedState string
	LastRun, SuspectSince                 *time.Time
}

const overviewColumns = hostColumns + `,
	coalesce(n.run_id, '') as run, coalesce(n.state, '') as run_state, n.started as last_run,
	coalesce(n.message, '') as run_message, coalesce(n.ended_state, '') as ended_state, sus.since as suspect_since`

const overviewTables = hostTables + `
	left join newest_backups n on n.host_id = h.id
	left join (select host_id, min(created) as since from snapshots where state = 'suspect' group by host_id) sus on sus.host_id = h.id`

const selectOverview = `select` + overviewColumns + overviewTables

// Overview gives how hosts are doing at the time now, by group and name.
func (s *Store) Overview(ctx context.Context, f HostFilter, now time.Time) ([]HostOverview, error) {
	var found []overviewRow
	var set layers
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		if found, err = rows[overviewRow](ctx, tx, selectOverview+hostWhere+` order by g.name, h.name`, f.args()...); err != nil {
			return err
		}
		set, err = allSettings(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]HostOverview, 0, len(found))
	for _, row := range found {
		list = append(list, row.overview(set.effective(row.Host), now))
	}
	return list, nil
}

// HostOverview gives how one host is doing at the time now.
func (s *Store) HostOverview(ctx context.Context, host ident.Host, now time.Time) (HostOverview, error) {
	list, err := s.Overview(ctx, HostFilter{Group: host.Group, Name: host.Name}, now)
	if err == nil && len(list) == 0 {
		err = hostNotFound(host)
	}
	if err != nil {
		return HostOverview{}, err
	}
	return list[0], nil
}

func (r overviewRow) overview(e policy.Effective, now time.Time) HostOverview {
	timetable := e.Timetable(r.ID)
	in := policy.HealthInput{
		LastGood: r.LastGood, LastRunState: r.EndedState, Enabled: r.Enabled,
		Suspect: r.SuspectSince != nil, Disproven: r.LastVerifyState == VerifyMismatch, Every: timetable.LongestGap(), Now: now,
	}
	o := r.plain(policy.HealthOf(in), now)
	if r.Enabled {
		o.NextRun = nextRun(timetable, now)
	}
	return o
}

// plain is what follows from the row alone, once its health is known.
func (r overviewRow) plain(health policy.Health, now time.Time) HostOverview {
	return HostOverview{
		Host: r.Ident().String(), Group: r.Group, Name: r.Name, Address: r.Address,
		Enabled: r.Enabled, DisabledReason: Text(r.DisabledReason), Health: health, HealthReason: r.healthReason(now),
		State: Text(r.RunState), Message: Text(r.RunMessage), LastGood: r.LastGood, SuspectSince: r.SuspectSince, LastRun: r.LastRun, Run: Text(r.Run),
		LastProven: r.LastProven, LastVerify: r.LastVerify, LastVerifyState: Text(r.LastVerifyState),
		UsedBytes: r.UsedBytes, ReferencedBytes: r.ReferencedBytes, Snapshots: r.SnapshotCount,
		Server: Text(r.Server), Storage: Text(r.Storage), Dataset: Text(r.Dataset), Tags: r.Tags, Notes: Text(r.Notes),
	}
}

func (r overviewRow) healthReason(now time.Time) Text {
	if reason := policy.HealthReason(r.LastGood, now); reason != "" {
		return Text(reason)
	}
	if r.LastVerifyState == VerifyMismatch {
		return Text("a verification found files in the backup that are not as they have to be: see planb verify --report " + r.Ident().String())
	}
	return ""
}

// nextRun gives the next start. A time zone that this machine does not know
// leaves it unknown.
func nextRun(tt policy.Timetable, now time.Time) *time.Time {
	next, err := tt.Next(now, 1)
	if err != nil || len(next) == 0 {
		return nil
	}
	at := next[0].UTC()
	return &at
}

// HostPolicy is a host with its policy in force.
type HostPolicy struct {
	Host   Host             `json:"host"`
	Policy policy.Effective `json:"policy"`
}

// HostPolicies gives hosts with their policies, by group and name: what
// schedules are made from.
func (s *Store) HostPolicies(ctx context.Context, f HostFilter) ([]HostPolicy, error) {
	var found []Host
	var set layers
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		if found, err = rows[Host](ctx, tx, selectHost+hostWhere+` order by g.name, h.name`, f.args()...); err != nil {
			return err
		}
		set, err = allSettings(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]HostPolicy, 0, len(found))
	for _, h := range found {
		list = append(list, HostPolicy{Host: h, Policy: set.effective(h)})
	}
	return list, nil
}

// HostPolicy gives one host with its policy in force.
func (s *Store) HostPolicy(ctx context.Context, host ident.Host) (HostPolicy, error) {
	var hp HostPolicy
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		if hp.Host, err = getHost(ctx, tx, host); err != nil {
			return err
		}
		hp.Policy, err = effective(ctx, tx, hp.Host)
		return err
	})
	return hp, err
}
