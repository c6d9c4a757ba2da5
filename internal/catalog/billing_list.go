package catalog

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UsageSample is a sample of a host on a day, and what was posted of it.
type UsageSample struct {
	Day string `json:"day"`
	// Host is what it was called then.
	Host   string `json:"host"`
	HostID string `json:"host_id"`
	// Enabled is of that day; Billed says that the sample counts.
	Enabled bool `json:"enabled"`
	Billed  bool `json:"billed"`
	// Source is pool, or catalog when its server did not answer or the sample is
	// late.
	Source           string      `json:"source"`
	Late             bool        `json:"late"`
	TakenAt          time.Time   `json:"taken_at"`
	MeasuredAt       time.Time   `json:"measured_at"`
	UsedBytes        int64       `json:"used_bytes"`
	ReferencedBytes  int64       `json:"referenced_bytes"`
	LogicalUsedBytes *int64      `json:"logical_used_bytes"`
	Snapshots        int         `json:"snapshots"`
	Files            *int64      `json:"files"`
	Posts            []UsagePost `json:"posts"`
}

// UsageSamples are samples that can be written as comma-separated values.
type UsageSamples []UsageSample

// CSV gives one row for each sample and poster, and one for each sample that is
// for none, below a head. Names cannot be taken for formulas by a spreadsheet:
// they begin with a letter or a digit.
func (list UsageSamples) CSV() [][]string {
	rows := [][]string{{
		"day", "group", "host", "host_id", "enabled", "billed", "source", "late", "taken_at", "measured_at", "used_bytes",
		"referenced_bytes", "logical_used_bytes", "snapshots", "files", "poster", "state", "posted_at",
	}}
	number := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, u := range list {
		group, name, _ := strings.Cut(u.Host, "/")
		row := []string{
			u.Day, group, name, u.HostID, strconv.FormatBool(u.Enabled), strconv.FormatBool(u.Billed), u.Source, strconv.FormatBool(u.Late),
			u.TakenAt.UTC().Format(time.RFC3339), u.MeasuredAt.UTC().Format(time.RFC3339), number(&u.UsedBytes),
			number(&u.ReferencedBytes), number(u.LogicalUsedBytes), strconv.Itoa(u.Snapshots), number(u.Files),
		}
		posts := u.Posts
		if len(posts) == 0 {
			posts = []UsagePost{{}}
		}
		for _, p := range posts {
			at := ""
			if p.PostedAt != nil {
				at = p.PostedAt.UTC().Format(time.RFC3339)
			}
			rows = append(rows, append(slices.Clip(row), p.Poster, p.State, at))
		}
	}
	return rows
}

// UsagePost is the state of a sample at one poster.
type UsagePost struct {
	Poster   string     `json:"poster"`
	State    string     `json:"state"`
	Existed  bool       `json:"existed"`
	Attempts int        `json:"attempts"`
	Error    string     `json:"error"`
	PostedAt *time.Time `json:"posted_at"`
	Sent     string     `json:"sent"`
}

// UsageFilter says which samples: of the days from First up to but not Next, of
// hosts that V saw by their names then.
type UsageFilter struct {
	First, Next string
	Visible     Visible
	// Host, if it is not empty, is the id of the only one.
	Host string
	// After leaves out what is not later in the list of samples than this place;
	// nil for none. Limit is the most samples to give; 0 is no limit.
	After *UsagePlace
	Limit int
}

const usageWhere = ` where u.day >= $1::date and u.day < $2::date and ($3 or u.group_name = any ($4)) and ($5 = '' or u.host_id::text = $5)`

func (f UsageFilter) args() []any {
	return []any{f.First, f.Next, f.Visible.All(), f.Visible.names(), f.Host}
}

// UsageSamples gives samples by day, group and name.
func (s *Store) UsageSamples(ctx context.Context, f UsageFilter) (UsageSamples, error) {
	after, limit := f.After.args(), ""
	args := append(f.args(), after...)
	if f.Limit > 0 {
		args, limit = append(args, f.Limit), ` limit $11`
	}
	found, err := rows[UsageSample](ctx, s.pool, `select u.day::text as day, u.group_name || '/' || u.host_name as host, u.host_id::text as host_id,
			u.enabled, u.billed, u.source, u.late, u.taken_at, u.measured_at, u.used_bytes, u.referenced_bytes, u.logical_used_bytes,
			u.snapshots, u.files, coalesce(p.posts, '[]'::jsonb) as posts
		from (select u.* from usage_samples u`+usageWhere+`
			and ($6 or u.day >= $7::date and (u.day, u.group_name, u.host_name, u.host_id) > ($7::date, $8, $9, $10::uuid))
			order by u.day, u.group_name, u.host_name, u.host_id`+limit+`) u
		left join lateral (
			select jsonb_agg(jsonb_build_object('poster', poster, 'state', state, 'existed', existed, 'attempts', attempts,
				'error', last_error, 'posted_at', posted_at, 'sent', sent) order by poster) as posts
			from usage_posts where day = u.day and host_id = u.host_id) p on true
		order by u.day, u.group_name, u.host_name, u.host_id`, args...)
	return found, s.explain(err)
}

// UsageTotal sums the billed samples of a group, or of a host, in a month.
type UsageTotal struct {
	Group string `json:"group"`
	// Name and HostID are empty for a group.
	Name   string `json:"name"`
	HostID string `json:"host_id"`
	Hosts  int    `json:"hosts"`
	// Days counts the days that have a billed sample, Samples all billed ones.
	Days    int `json:"days"`
	Samples int `json:"samples"`
	// ByteDays is the sum of what was used on each day.
	ByteDays float64 `json:"byte_days"`
	// LastBytes is what was used on the last of the days.
	LastBytes int64 `json:"last_bytes"`
	// NotPosted counts the posts that have not got through.
	NotPosted int `json:"not_posted"`
}

// Average is what was used on a day, in bytes: of the days with a sample.
func (t UsageTotal) Average() int64 {
	if t.Days == 0 {
		return 0
	}
	return int64(t.ByteDays / float64(t.Days))
}

const usageSums = `count(distinct host_id)::int as hosts, count(distinct day)::int as days, count(*)::int as samples,
	sum(used_bytes)::float8 as byte_days, (sum(used_bytes) filter (where day = last))::bigint as last_bytes, sum(not_posted)::int as not_posted`

const usageBilled = ` from (
	select u.*, max(u.day) over (partition by `

const usageBilledEnd = `) as last,
		coalesce(p.n, 0) as not_posted
	from usage_samples u left join (
		select day, host_id, count(*) as n from usage_posts where state <> 'posted' and day >= $1::date and day < $2::date
		group by day, host_id) p on p.day = u.day and p.host_id = u.host_id` + usageWhere + ` and u.billed) b `

// UsageOfGroups gives the totals of groups by name, for whole months.
func (s *Store) UsageOfGroups(ctx context.Context, f UsageFilter) ([]UsageTotal, error) {
	found, err := rows[UsageTotal](ctx, s.pool, `with late as materialized (
			select u.group_name, count(*)::int as n from usage_posts p join usage_samples u on u.day = p.day and u.host_id = p.host_id
			where p.state <> 'posted' and p.day >= $1::date and p.day < $2::date and u.billed group by u.group_name)
		select d.group_name as "group", '' as name, '' as host_id,
			(select count(distinct m.host_id)::int from usage_months m
				where m.group_name = d.group_name and m.month >= $1::date and m.month < $2::date) as hosts,
			count(*)::int as days, sum(d.samples)::int as samples, sum(d.used_bytes)::float8 as byte_days,
			(array_agg(d.used_bytes order by d.day desc))[1] as last_bytes,
			coalesce((select n from late where late.group_name = d.group_name), 0) as not_posted
		from usage_days d`+usageDays+` group by d.group_name order by d.group_name`, f.months()...)
	return found, s.explain(err)
}

// UsageOfHosts gives the totals of hosts by group and name. A host that was
// renamed is there once under each name.
func (s *Store) UsageOfHosts(ctx context.Context, f UsageFilter) ([]UsageTotal, error) {
	found, err := rows[UsageTotal](ctx, s.pool, `select group_name as "group", host_name as name, host_id::text as host_id, `+usageSums+
		usageBilled+`u.group_name, u.host_name, u.host_id`+usageBilledEnd+`group by group_name, host_name, host_id
		order by group_name, host_name`, f.args()...)
	return found, s.explain(err)
}

// DayUsage is what was billed on one day.
type DayUsage struct {
	Day       string
	Hosts     int
	UsedBytes int64
}

// UsageByDay gives what was billed on each day that has samples.
func (s *Store) UsageByDay(ctx context.Context, f UsageFilter) ([]DayUsage, error) {
	found, err := rows[DayUsage](ctx, s.pool, `select d.day::text as day, sum(d.samples)::int as hosts, sum(d.used_bytes)::bigint as used_bytes
		from usage_days d`+usageDays+` group by d.day order by d.day`, f.months()...)
	return found, s.explain(err)
}

// usageDays narrows the sums that are kept, which are of groups: a filter for
// them has no Host.
const usageDays = ` where d.day >= $1::date and d.day < $2::date and ($3 or d.group_name = any ($4))`

func (f UsageFilter) months() []any { return f.args()[:4] }
