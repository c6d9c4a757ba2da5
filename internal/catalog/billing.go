package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// UsageHost is a host that has no usage sample of a day yet.
type UsageHost struct {
	ID, Dataset, Storage string
}

// aHost takes hosts that have data to bill: from the first good backup on.
const aHost = `h.dataset_made and h.last_good is not null`

// unsampled takes those of them that have no sample of day $1.
const unsampled = aHost + ` and not exists (select from usage_samples u where u.day = $1::date and u.host_id = h.id)`

// UsageServers gives the storage servers whose hosts have no sample of a day yet.
func (s *Store) UsageServers(ctx context.Context, day string) ([]string, error) {
	found, err := rows[struct{ Server string }](ctx, s.pool, `select distinct s.server from hosts h join storages s on s.id = h.storage_id
		where `+unsampled+` order by s.server`, day)
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Server
	}
	return names, s.explain(err)
}

// UsageHosts gives so many hosts of a storage server that have no sample of a
// day yet, by id, after the one given.
func (s *Store) UsageHosts(ctx context.Context, day, server, after string, limit int) ([]UsageHost, error) {
	found, err := rows[UsageHost](ctx, s.pool, `select h.id::text as id, h.dataset, s.dataset as storage
		from hosts h join storages s on s.id = h.storage_id
		where `+unsampled+` and s.server = $2 and ($3 = '' or h.id > nullif($3, '')::uuid) order by h.id limit $4`, day, server, after, limit)
	return found, s.explain(err)
}

// Usage is what a host's dataset takes on the pool, in bytes.
type Usage struct {
	HostID           string
	UsedBytes        int64
	ReferencedBytes  int64
	LogicalUsedBytes *int64
	Snapshots        int
	At               time.Time
}

// UsageDay is the day that samples are taken of.
type UsageDay struct {
	Day string
	// First says that it is the first of a month, when disabled hosts are billed.
	First bool
	// End is when it ends; Late says that this is over.
	End  time.Time
	Late bool
	Now  time.Time
	// Posters are those that the samples are to be posted to.
	Posters []string
}

// sample is the end of a query that makes samples of hosts h with the measures m,
// and what is to be posted of them.
const sample = `
	), taken as (
		insert into usage_samples (day, host_id, group_name, host_name, enabled, billed, source, late, taken_at, measured_at,
			used_bytes, referenced_bytes, logical_used_bytes, snapshots, files)
		select $1::date, h.id, g.name, h.name, h.enabled, h.enabled or $2, m.source, $3, $4, m.at,
			m.used, m.referenced, m.logical_used, m.snapshots, f.files_total
		from m join hosts h on h.id = m.id join groups g on g.id = h.group_id
		left join lateral (select files_total from runs where host_id = h.id and kind = 'backup' and files_total is not null
			and finished < $5 order by finished desc limit 1) f on true
		on conflict (day, host_id) do nothing returning host_id, billed
	), to_post as (
		insert into usage_posts (day, host_id, poster)
		select $1::date, taken.host_id, p from taken cross join unnest($6::text[]) p where taken.billed
	)
	select count(*)::int from taken`

// RecordUsage takes the samples of hosts that were measured on the pool now.
// One that is there stays as it is. It gives how many were taken.
func (s *Store) RecordUsage(ctx context.Context, d UsageDay, list []Usage) (taken int, err error) {
	ids, used, referenced := make([]string, len(list)), make([]int64, len(list)), make([]int64, len(list))
	logical, snapshots, at := make([]*int64, len(list)), make([]int, len(list)), make([]time.Time, len(list))
	for i, u := range list {
		ids[i], used[i], referenced[i], logical[i], snapshots[i], at[i] = u.HostID, u.UsedBytes, u.ReferencedBytes, u.LogicalUsedBytes, u.Snapshots, u.At
	}
	err = s.pool.QueryRow(ctx, `with m as (
		select id, used, referenced, logical_used, snapshots, at, 'pool' as source
		from unnest($7::uuid[], $8::bigint[], $9::bigint[], $10::bigint[], $11::int[], $12::timestamptz[])
			as t (id, used, referenced, logical_used, snapshots, at)`+sample,
		d.Day, d.First, d.Late, d.Now, d.End, orEmpty(d.Posters), ids, used, referenced, logical, snapshots, at).Scan(&taken)
	return taken, s.explain(err)
}

// RecordKnownUsage takes the samples of hosts from what was last measured of them
// before the end of the day, be it by a backup, by hand or for the sample of
// another day. A host of which nothing was measured until then gets none: it had
// no data. One that is there stays as it is. It gives how many were taken.
func (s *Store) RecordKnownUsage(ctx context.Context, d UsageDay, hostIDs []string) (taken int, err error) {
	err = s.pool.QueryRow(ctx, `with m as (
		select distinct on (id) id, used, referenced, null::bigint as logical_used, snapshots, at, 'catalog' as source from (
			select h.id, h.used_bytes as used, h.referenced_bytes as referenced, h.snapshot_count as snapshots, h.measured_at as at
			from hosts h where h.id = any ($7::uuid[]) and h.used_bytes is not null and h.measured_at < $5
			union all
			select r.host_id, r.used, r.referenced, r.snapshots, r.at
			from unnest($7::uuid[]) want (id) cross join lateral (
				select host_id, (detail->'measured'->>'used')::bigint as used, (detail->'measured'->>'referenced')::bigint as referenced,
					(detail->'measured'->>'snapshot_count')::int as snapshots, (detail->'measured'->>'at')::timestamptz as at
				from runs where host_id = want.id and kind = 'backup' and finished < $5
					and detail->'measured'->>'used' is not null and detail->'measured'->>'snapshot_count' is not null
					and detail->'measured'->>'at' is not null
				order by finished desc limit 1) r
			union all
			select u.host_id, u.used_bytes, u.referenced_bytes, u.snapshots, u.measured_at
			from unnest($7::uuid[]) want (id) cross join lateral (
				select * from usage_samples where host_id = want.id and measured_at < $5 order by measured_at desc limit 1) u
		) known where referenced is not null order by id, at desc`+sample,
		d.Day, d.First, d.Late, d.Now, d.End, orEmpty(d.Posters), orEmpty(hostIDs)).Scan(&taken)
	return taken, s.explain(err)
}

// EndSampling writes down that the samples of a day were taken.
func (s *Store) EndSampling(ctx context.Context, d UsageDay) error {
	_, err := s.pool.Exec(ctx, `insert into billing_days (day, sampled_at) values ($1::date, $2) on conflict do nothing`, d.Day, d.Now)
	return s.explain(err)
}

// DueDays gives the days from one to another that have to be billed still, the
// newest first: those of no sampling, but for those before the first there was,
// and those of which something is to be posted to one of posters.
func (s *Store) DueDays(ctx context.Context, from, to string, posters []string) ([]string, error) {
	found, err := rows[struct{ Day string }](ctx, s.pool, `select d::date::text as day
		from generate_series($1::date, $2::date, interval '1 day') d
		where d::date = $2::date
			or not exists (select from billing_days b where b.day = d::date) and exists (select from billing_days b where b.day < d::date)
			or exists (select from usage_posts p where p.day = d::date and p.state <> 'posted' and p.poster = any ($3))
		order by d desc`, from, to, orEmpty(posters))
	days := make([]string, len(found))
	for i, f := range found {
		days[i] = f.Day
	}
	return days, s.explain(err)
}

// AddPosts has the billed samples of a day posted to posters that they were not
// meant for when they were taken, as somebody asked for.
func (s *Store) AddPosts(ctx context.Context, day string, posters []string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into usage_posts (day, host_id, poster)
			select u.day, u.host_id, p from usage_samples u cross join unnest($2::text[]) p where u.day = $1::date and u.billed
			on conflict do nothing`, day, orEmpty(posters))
		return err
	})
}
