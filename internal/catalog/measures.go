package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// HostMeasure is what monitoring is told of a host.
type HostMeasure struct {
	// ID stays the same when the host is renamed.
	ID, Group, Name string
	Health          policy.Health
	// Address is that of the host, Server the storage server that backs it up;
	// empty until it has one.
	Address, Server string
	// State is that of the newest backup, also while it is under way; empty when
	// there was none.
	State string
	// LastGood is the time of the newest good snapshot, LastProven when files of
	// one were last restored and found equal; nil when there was none.
	LastGood, LastProven *time.Time
	// Since is when the host was added, or last enabled.
	Since time.Time
	// LateAge is the age of the last good snapshot beyond which the host is late:
	// its schedule and grace.
	LateAge time.Duration
	// LastSeconds is how long the newest backup took that came to an end; nil when
	// none did.
	LastSeconds *float64
	// Sizes in bytes; nil before the first measuring.
	UsedBytes, ReferencedBytes *int64
	Snapshots                  int
	// Suspect says that a suspect snapshot waits for a decision, Disproven that the
	// last verification found files that are not as they have to be.
	Suspect, Disproven bool
}

// Ident gives group and name.
func (m HostMeasure) Ident() ident.Host { return ident.Host{Group: m.Group, Name: m.Name} }

type measureRow struct {
	ID, Group, Name, Address, Server, State, EndedState string
	Enabled, Suspect, Disproven                         bool
	LastGood, LastProven                                *time.Time
	Since                                               time.Time
	Late, Failing                                       float64
	LastSeconds                                         *float64
	UsedBytes, ReferencedBytes                          *int64
	Snapshots                                           int
}

// The ages come from the host's row, so that no policy has to be read: see
// standing.go. Those that are not filled in are the ones of host_health.
const selectMeasures = `
	select h.id::text as id, g.name as "group", h.name, h.address, coalesce(s.server, '') as server,
		coalesce(n.state, '') as state, coalesce(n.ended_state, '') as ended_state, h.enabled,
		exists (select from snapshots x where x.host_id = h.id and x.state = 'suspect') as suspect,
		h.last_verify_state = 'mismatch' as disproven, h.last_good, h.last_proven,
		greatest(h.created_at, h.enabled_at) as since,
		extract(epoch from coalesce(h.late_age, '30:00'))::float8 as late,
		extract(epoch from coalesce(h.failing_age, '54:00'))::float8 as failing,
		extract(epoch from r.finished - r.started)::float8 as last_seconds,
		h.used_bytes, h.referenced_bytes, h.snapshot_count as snapshots
	from hosts h join groups g on g.id = h.group_id left join storages s on s.id = h.storage_id
		left join newest_backups n on n.host_id = h.id left join runs r on r.id = n.ended_run
	where $1 or g.name = any ($2::text[])
	order by g.name, h.name`

// Measures gives what monitoring is told of the hosts and storages that v sees,
// as they are at the time now.
func (s *Store) Measures(ctx context.Context, v Visible, now time.Time) ([]HostMeasure, []Storage, error) {
	var found []measureRow
	var storages []Storage
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		if found, err = rows[measureRow](ctx, tx, selectMeasures, v.all, v.names()); err != nil {
			return err
		}
		storages, err = rows[Storage](ctx, tx, selectStorage+` where $1 or exists (select from hosts h join groups g on g.id = h.group_id
			where h.storage_id = st.id and g.name = any ($2::text[])) order by st.server, st.dataset`, v.all, v.names())
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	hosts := make([]HostMeasure, 0, len(found))
	for _, r := range found {
		hosts = append(hosts, r.measure(now))
	}
	return hosts, storages, nil
}

func (r measureRow) measure(now time.Time) HostMeasure {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	// The inverse of policy.HealthAges.
	every := seconds(r.Failing - r.Late)
	late := seconds(r.Late)
	return HostMeasure{
		ID: r.ID, Group: r.Group, Name: r.Name, Address: r.Address, Server: r.Server, State: r.State,
		Health: policy.HealthOf(policy.HealthInput{
			LastGood: r.LastGood, LastRunState: r.EndedState, Enabled: r.Enabled, Suspect: r.Suspect, Disproven: r.Disproven,
			Every: every, Grace: late - every, Now: now,
		}),
		LastGood: r.LastGood, LastProven: r.LastProven, Since: r.Since, LateAge: late, LastSeconds: r.LastSeconds,
		UsedBytes: r.UsedBytes, ReferencedBytes: r.ReferencedBytes, Snapshots: r.Snapshots,
		Suspect: r.Suspect, Disproven: r.Disproven,
	}
}
