package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// Attempt is a backup that came to an end of its own: one that was skipped or
// cancelled says nothing about a host.
type Attempt struct {
	Started time.Time
	// State is that of the run, or suspect when a guard tripped at its snapshot
	// and nobody has accepted it.
	State   string
	Message string
	// BytesTotal is what it found on the host; nil when not known.
	BytesTotal *int64
}

// Good says whether it left a snapshot to restore from.
func (a Attempt) Good() bool { return a.State == policy.StateOK || a.State == policy.StateWarning }

// HostAttempts are the attempts of a host, the oldest first.
type HostAttempts struct {
	// ID is the host's; empty when it is removed.
	ID   string
	Host string
	// Enabled is false of removed hosts.
	Enabled  bool
	Attempts []Attempt
}

// Mismatch is a verification that found files which are not as they have to be.
type Mismatch struct {
	At                time.Time
	Snapshot, Summary string
}

// HostMonth is what a host did in a month, and how it stood at its end.
type HostMonth struct {
	ID             string
	Host           string
	Enabled        bool
	DisabledReason string
	// Removed says that the host is gone; of such only Attempts are known.
	Removed bool
	// LateAge is the age of the last good snapshot beyond which the host is late.
	LateAge time.Duration
	// Created is when it was added.
	Created time.Time
	// LastGood and LastProven are those before the end of the month.
	LastGood, LastProven *time.Time
	// UsedBytes is what its dataset takes now.
	UsedBytes *int64
	// Snapshots counts those of before the end of the month that are kept now.
	Snapshots      int
	OldestSnapshot *time.Time
	// Attempts are those of the month and of the time before it, for what began
	// then.
	Attempts   []Attempt
	Mismatches []Mismatch
}

// monthBefore is how long before a month its attempts are looked at: what has
// failed for longer is said to have begun then.
const monthBefore = 62 * 24 * time.Hour

// attempts gives the backups that began in a time, by host, of those that v sees.
func attempts(ctx context.Context, q querier, v Visible, from, until time.Time) ([]HostAttempts, error) {
	var c conditions
	c.add("r.started >= ?", from)
	c.add("r.started < ?", until)
	c.addIf(!v.all, "r.group_id in (select id from groups where name = any (?::text[]))", v.names())
	found, err := rows[struct {
		ID, Host, State, Message string
		Enabled                  bool
		Started                  time.Time
		BytesTotal               *int64
	}](ctx, q, `
		select coalesce(h.id::text, '') as id, coalesce(rg.name, r.group_name) || '/' || coalesce(h.name, r.host_name) as host,
			coalesce(h.enabled, false) as enabled, r.started, r.message, r.bytes_total,
			case when sn.state in ('suspect', 'rejected') or sn.state is null and r.suspect then 'suspect' else r.state end as state
		from runs r left join hosts h on h.id = r.host_id left join groups rg on rg.id = r.group_id
			left join snapshots sn on sn.host_id = r.host_id and sn.name = r.snapshot
		where r.kind = 'backup' and r.state in ('ok', 'warning', 'partial', 'failed') and `+c.sql()+`
		order by host, id, r.started, r.id`, c.args...)
	if err != nil {
		return nil, err
	}
	var list []HostAttempts
	for _, f := range found {
		if n := len(list); n == 0 || list[n-1].Host != f.Host || list[n-1].ID != f.ID {
			list = append(list, HostAttempts{ID: f.ID, Host: f.Host, Enabled: f.Enabled})
		}
		last := &list[len(list)-1]
		last.Attempts = append(last.Attempts, Attempt{Started: f.Started, State: f.State, Message: f.Message, BytesTotal: f.BytesTotal})
	}
	return list, nil
}

// Month gives what the hosts of a group did between from and until, by name;
// those that were removed come last, if they did anything.
func (s *Store) Month(ctx context.Context, group string, from, until time.Time) ([]HostMonth, error) {
	var list []HostMonth
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		if _, err := getGroup(ctx, tx, group); err != nil {
			return err
		}
		found, err := rows[struct {
			ID, Host, DisabledReason string
			Enabled                  bool
			LateSeconds              float64
			Created                  time.Time
			LastGood, LastProven     *time.Time
			UsedBytes                *int64
			Snapshots                int
			OldestSnapshot           *time.Time
		}](ctx, tx, `
			select h.id::text as id, g.name || '/' || h.name as host, h.enabled, h.disabled_reason, h.used_bytes, h.created_at as created,
				coalesce(extract(epoch from h.late_age), 0)::float8 as late_seconds,
				greatest(case when h.last_good < $2 then h.last_good end, sn.last_good) as last_good,
				(select max(v.finished) from verifications v where v.host_id = h.id and v.outcome = 'proven' and v.finished < $2) as last_proven,
				coalesce(sn.n, 0)::int as snapshots, sn.oldest as oldest_snapshot
			from hosts h join groups g on g.id = h.group_id
				left join (select host_id, count(*) as n, min(created) as oldest,
						max(created) filter (where state in ('', 'ok', 'warning')) as last_good
					from snapshots where created < $2 group by host_id) sn on sn.host_id = h.id
			where g.name = $1 and h.created_at < $2 order by h.name`, group, until)
		if err != nil {
			return err
		}
		at := map[string]int{}
		for i, f := range found {
			at[f.ID] = i
			list = append(list, HostMonth{
				ID: f.ID, Host: f.Host, Enabled: f.Enabled, DisabledReason: f.DisabledReason,
				LateAge: time.Duration(f.LateSeconds * float64(time.Second)), Created: f.Created, LastGood: f.LastGood, LastProven: f.LastProven,
				UsedBytes: f.UsedBytes, Snapshots: f.Snapshots, OldestSnapshot: f.OldestSnapshot,
			})
		}
		tried, err := attempts(ctx, tx, OnlyGroups(group), from.Add(-monthBefore), until)
		if err != nil {
			return err
		}
		for _, t := range tried {
			list = addAttempts(list, at, t, from)
		}
		return mismatches(ctx, tx, list, at, from, until)
	})
	return list, err
}

// addAttempts adds the attempts of a host to its month; at says where in list
// hosts are, by id.
func addAttempts(list []HostMonth, at map[string]int, t HostAttempts, from time.Time) []HostMonth {
	last := t.Attempts[len(t.Attempts)-1]
	i, there := at[t.ID]
	if !there {
		if t.ID != "" || last.Started.Before(from) {
			return list // added after the month, or gone before it
		}
		i = len(list)
		list = append(list, HostMonth{Host: t.Host, Removed: true})
	}
	h := &list[i]
	h.Attempts = t.Attempts
	for _, a := range t.Attempts {
		// Its snapshot may be pruned since.
		if a.Good() && (h.LastGood == nil || a.Started.After(*h.LastGood)) {
			h.LastGood = &a.Started
		}
	}
	return list
}

// mismatches adds what verifications found between from and until.
func mismatches(ctx context.Context, q querier, list []HostMonth, at map[string]int, from, until time.Time) error {
	ids := make([]string, 0, len(at))
	for id := range at {
		ids = append(ids, id)
	}
	found, err := rows[struct {
		HostID, Snapshot, Summary string
		At                        time.Time
	}](ctx, q, `select host_id::text as host_id, snapshot, summary, finished as at from verifications
		where host_id = any ($1::uuid[]) and outcome = 'mismatch' and finished >= $2 and finished < $3 order by finished`, ids, from, until)
	for _, f := range found {
		h := &list[at[f.HostID]]
		h.Mismatches = append(h.Mismatches, Mismatch{At: f.At, Snapshot: f.Snapshot, Summary: f.Summary})
	}
	return err
}
