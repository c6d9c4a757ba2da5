package catalog

import (
	"context"
	"time"
)

// UsageToPost is a sample that is to be posted.
type UsageToPost struct {
	HostID           string
	Group            string
	Name             string
	Enabled          bool
	Late             bool
	UsedBytes        int64
	ReferencedBytes  int64
	LogicalUsedBytes *int64
	Snapshots        int
	Files            *int64
	// Namesake is another host of that day of which group-name reads the same, and
	// which was billed first; empty for none.
	Namesake string
}

// UsageToPost gives so many samples of a day that are to be posted to a poster.
// Those that it refused are, too, but not again after the time given, when the
// workflow began.
func (s *Store) UsageToPost(ctx context.Context, day, poster string, began time.Time, limit int) ([]UsageToPost, error) {
	found, err := rows[UsageToPost](ctx, s.pool, `select u.host_id::text as host_id, u.group_name as "group", u.host_name as name,
			u.enabled, u.late, u.used_bytes, u.referenced_bytes, u.logical_used_bytes, u.snapshots, u.files,
			coalesce((select o.group_name || '/' || o.host_name from usage_samples o
				where o.day = u.day and o.host_id <> u.host_id and o.group_name || '-' || o.host_name = u.group_name || '-' || u.host_name
					and ((select min(day) from usage_samples where host_id = o.host_id), o.host_id)
						< ((select min(day) from usage_samples where host_id = u.host_id), u.host_id)
				limit 1), '') as namesake
		from usage_posts p join usage_samples u using (day, host_id)
		where p.day = $1::date and p.poster = $2 and (p.state = 'pending' or p.state = 'refused' and p.tried_at < $3)
		order by p.tried_at nulls first, p.host_id limit $4`, day, poster, began, limit)
	return found, s.explain(err)
}

// UsagePosted is what came of posting the sample of a host.
type UsagePosted struct {
	HostID string
	// State is posted, refused, or empty where nothing is known.
	State   string
	Existed bool
	Error   string
	Sent    string
}

// RecordPosts writes down what came of posting samples of a day. What was posted
// before stays as it is.
func (s *Store) RecordPosts(ctx context.Context, day, poster string, list []UsagePosted, now time.Time) error {
	ids, states, errs := make([]string, len(list)), make([]string, len(list)), make([]string, len(list))
	sent, existed := make([]string, len(list)), make([]bool, len(list))
	for i, p := range list {
		ids[i], states[i], existed[i], errs[i], sent[i] = p.HostID, p.State, p.Existed, p.Error, p.Sent
	}
	_, err := s.pool.Exec(ctx, `update usage_posts p set attempts = p.attempts + 1, tried_at = $3, last_error = n.error,
			sent = case when n.sent = '' then p.sent else n.sent end, existed = n.existed,
			state = case when n.state = '' then p.state else n.state end, posted_at = case when n.state = 'posted' then $3::timestamptz end
		from unnest($4::uuid[], $5::text[], $6::bool[], $7::text[], $8::text[]) as n (id, state, existed, error, sent)
		where p.day = $1::date and p.poster = $2 and p.host_id = n.id and p.state <> 'posted'`,
		day, poster, now, ids, states, existed, errs, sent)
	return s.explain(err)
}

// BilledDay is what came of a day.
type BilledDay struct {
	// Samples are all there are; FromCatalog, Late and Billed count those of them
	// that are.
	Samples     int `json:"samples"`
	FromCatalog int `json:"from_catalog"`
	Late        int `json:"late"`
	Billed      int `json:"billed"`
	// Posted, Refused and Pending count posts; Existed those of the posted that
	// the receiver had already.
	Posted  int `json:"posted"`
	Existed int `json:"existed"`
	Refused int `json:"refused"`
	Pending int `json:"pending"`
	// Error is one of the reasons for which something was not posted.
	Error Text `json:"error"`
}

// BilledDay gives what came of a day, as far as it goes to posters.
func (s *Store) BilledDay(ctx context.Context, day string, posters []string) (BilledDay, error) {
	found, err := rows[BilledDay](ctx, s.pool, `select u.*, p.* from
		(select count(*)::int as samples, (count(*) filter (where source = 'catalog'))::int as from_catalog,
			(count(*) filter (where late))::int as late, (count(*) filter (where billed))::int as billed
			from usage_samples where day = $1::date) u,
		(select (count(*) filter (where state = 'posted'))::int as posted, (count(*) filter (where existed))::int as existed,
			(count(*) filter (where state = 'refused'))::int as refused, (count(*) filter (where state = 'pending'))::int as pending,
			coalesce((array_agg(last_error order by tried_at desc nulls last) filter (where state <> 'posted' and last_error <> ''))[1], '') as error
			from usage_posts where day = $1::date and poster = any ($2)) p`, day, orEmpty(posters))
	if err != nil {
		return BilledDay{}, s.explain(err)
	}
	return found[0], nil
}
