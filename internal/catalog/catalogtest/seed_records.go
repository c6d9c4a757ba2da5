package catalogtest

// seedRecords fills what a fleet leaves behind over months: what was billed,
// what people were told and mailed, what was proven, and what lasts.
func (s *seeder) seedRecords() {
	now := s.fleet.Now
	s.run(`insert into billing_days (day, sampled_at) select d::date, d from generate_series($1::timestamptz - interval '89 days', $1, interval '1 day') d`, now)
	s.run(`insert into usage_samples (day, host_id, group_name, host_name, enabled, billed, source, late, taken_at, measured_at, used_bytes,
			referenced_bytes, logical_used_bytes, snapshots, files)
		select d.day, h.id, g.name, h.name, h.enabled, h.enabled, 'pool', false, d.sampled_at, d.sampled_at, h.used_bytes, h.referenced_bytes,
			h.used_bytes * 2, h.snapshot_count, 100000
		from billing_days d, hosts h join groups g on g.id = h.group_id`)
	s.run(`insert into usage_posts (day, host_id, poster, state, attempts, tried_at, posted_at, sent)
		select u.day, u.host_id, 'crm', case when through then 'posted' else 'refused' end, 1, u.taken_at, case when through then u.taken_at end, '{}'
		from usage_samples u, lateral (select right(u.host_name, 2) <> '11' as through) p where u.billed and u.day > $1::date - 30`, now)

	s.run(`insert into conditions (about, host_id, subject, kind, severity, title, since, told, told_at)
		select 'host', h.id, g.name || '/' || h.name, 'failing', 'error', 'The backup failed', $1::timestamptz - interval '1 day', 1, $1::timestamptz
		from hosts h join groups g on g.id = h.group_id where right(h.name, 1) = '7'`, now)
	s.run(`insert into notices (key, host_id, group_id, group_name, host_name, subject, kind, severity, title, cause, remedy, at, tended_at, done_at)
		select 'failed/' || h.id || '/' || n, h.id, g.id, g.name, h.name, g.name || '/' || h.name, 'failed', 'error', 'The backup failed',
			'The host does not answer.', 'Check that it is up.', t.at, t.at, t.at
		from generate_series(10, 1, -1) n, hosts h join groups g on g.id = h.group_id,
			lateral (select $1::timestamptz - n * interval '3 days' as at) t order by n desc`, now)
	s.run(`insert into deliveries (notice_id, channel, recipient, state, attempts, ended_at)
		select n.id, c.name, c.recipient, case when n.id % 1000 = 0 then 'gave_up' else 'sent' end, 1, n.at
		from notices n, (values ('mail', 'ops@example.com'), ('chat', '')) c (name, recipient)`)

	s.run(`insert into reports (kind, period, run_id, subject, body, html, made_at)
		select 'digest', to_char(d, 'YYYY-MM-DD'), gen_random_uuid(), 'PlanB: 5 failing', repeat('a line of it' || chr(10), 400), repeat('<p>a line</p>', 800), d
		from generate_series($1::timestamptz - interval '400 days', $1, interval '1 day') d`, now)
	s.run(`insert into reports (kind, period, group_id, group_name, run_id, subject, body, html, made_at)
		select 'monthly', to_char(d, 'YYYY-MM'), g.id, g.name, gen_random_uuid(), g.name, repeat('a line of it' || chr(10), 400), repeat('<p>a line</p>', 800), d
		from generate_series($1::timestamptz - interval '24 months', $1::timestamptz - interval '1 month', interval '1 month') d, groups g`, now)
	s.run(`insert into report_mails (report_id, recipient, state, attempts, tried_at, ended_at)
		select id, 'ops@example.com', 'sent', 1, made_at, made_at from reports`)

	s.run(`insert into verifications (run_id, host_id, group_name, host_name, server, dataset, snapshot, trigger, outcome, summary, started, finished,
			restore_seconds, sample, files, bytes, by_host, by_checksum, compared, not_comparable, too_large, mismatched, attributes, canaries, canaries_ok)
		select gen_random_uuid(), h.id, g.name, h.name, 'store1', h.dataset, 'daily-' || to_char(t.at, 'YYYYMMDDHH24MI'), 'schedule', 'proven',
			'100 files are as they were.', t.at, t.at + interval '1 minute', 60, 'random', 100, 1000000, 50, 50, 100, 0, 0, 0, 100, 0, 0
		from generate_series(1, 12) n, hosts h join groups g on g.id = h.group_id, lateral (select $1::timestamptz - n * interval '7 days' as at) t`, now)
}
