-- What the lists of hosts and runs are filtered, sorted and paged by, kept where
-- the database can reach it: thousands of hosts and years of runs are read in
-- milliseconds.

-- From the host's policy, which only the program can read: the age of the last
-- good snapshot beyond which the host is late, and beyond which it is failing,
-- and when its backups start. Null until the program has filled it in.
alter table hosts
    add late_age    interval check (late_age > '0'),
    add failing_age interval check (failing_age >= late_age),
    add timetable   jsonb;
create index hosts_of_storage on hosts (storage_id);

-- The same rule as policy.HealthOf.
create function host_health(enabled boolean, suspect boolean, last_good timestamptz, late_age interval,
    failing_age interval, ended_state text, at timestamptz) returns text
    language sql immutable parallel safe as $$
    select case
        when not enabled then 'paused'
        when suspect then 'failing'
        when last_good is null then 'never'
        when at - last_good <= coalesce(late_age, '30:00') and last_good - at <= '00:10' then 'ok'
        when at - last_good > coalesce(failing_age, '54:00') or ended_state in ('failed', 'partial', 'suspect') then 'failing'
        else 'late'
    end
$$;

create index snapshots_suspect on snapshots (host_id, created) where state = 'suspect';

-- The group that a run's host is in, or was in when it was removed.
alter table runs add group_id uuid references groups on delete set null;
update runs r set group_id = coalesce((select h.group_id from hosts h where h.id = r.host_id),
    (select g.id from groups g where g.name = r.group_name));

create function runs_find_group() returns trigger language plpgsql as $$
begin
    if new.host_id is not null then
        new.group_id := (select group_id from hosts where id = new.host_id);
    elsif tg_op = 'INSERT' then
        new.group_id := (select id from groups where name = new.group_name);
    end if;
    return new;
end $$;
create trigger runs_find_group before insert or update of host_id on runs
    for each row execute function runs_find_group();

create function hosts_take_runs_along() returns trigger language plpgsql as $$
begin
    update runs set group_id = new.group_id where host_id = new.id;
    return null;
end $$;
create trigger hosts_take_runs_along after update of group_id on hosts
    for each row when (old.group_id <> new.group_id) execute function hosts_take_runs_along();

-- A page of runs begins after the last one of the page before it.
drop index runs_newest, runs_newest_of_host;
create index runs_newest on runs (started desc, id desc);
create index runs_newest_of_host on runs (host_id, started desc, id desc);
create index runs_newest_of_group on runs (group_id, started desc, id desc);
create index runs_newest_of_state on runs (state, started desc, id desc);
-- Runs of removed hosts are found by the names that those had.
create index runs_of_removed on runs (group_name, host_name, started desc, id desc) where host_id is null;
create index runs_newest_of_kind on runs (kind, started desc, id desc) where kind <> 'backup';

-- The newest backup of each host, also while it is under way, but for those
-- that were skipped; beside it the newest one that came to an end of its own,
-- and how long backups of the host take.
create table newest_backups (
    host_id  uuid primary key references hosts on delete cascade,
    run_id   text not null default '',
    state    text not null default '',
    started  timestamptz,
    message  text not null default '',
    remedy   text not null default '',
    next_try timestamptz,
    ended_run     text not null default '',
    ended_state   text not null default '',
    ended_at      timestamptz,
    ended_message text not null default '',
    ended_remedy  text not null default '',
    -- The median of the last seven that took a snapshot, in seconds.
    typical_seconds double precision
);

create function find_newest_backup(of_host uuid) returns void language plpgsql as $$
begin
    -- One at a time for a host; each looks at what the one before it has done.
    insert into newest_backups (host_id) select id from hosts where id = of_host on conflict do nothing;
    perform 1 from newest_backups where host_id = of_host for update;
    update newest_backups n set
        run_id = coalesce(r.id, ''), state = coalesce(r.state, ''), started = r.started,
        message = coalesce(nullif(r.reason, ''), r.message, ''), remedy = coalesce(r.remedy, ''), next_try = r.next_try,
        ended_run = coalesce(e.id, ''), ended_state = coalesce(e.state, ''), ended_at = e.finished,
        ended_message = coalesce(e.message, ''), ended_remedy = coalesce(e.remedy, ''),
        typical_seconds = (select percentile_cont(0.5) within group (order by extract(epoch from t.finished - t.started))
            from (select started, finished from runs where host_id = of_host and kind = 'backup'
                and state in ('ok', 'warning', 'partial') order by started desc, id desc limit 7) t)
    from (select of_host as host_id) as this
        left join lateral (select * from runs where runs.host_id = this.host_id and kind = 'backup'
            and runs.state <> 'skipped' order by runs.started desc, runs.id desc limit 1) r on true
        left join lateral (select * from runs where runs.host_id = this.host_id and kind = 'backup'
            and runs.state not in ('skipped', 'cancelled', 'waiting', 'running')
            order by runs.started desc, runs.id desc limit 1) e on true
    where n.host_id = of_host;
end $$;

create function runs_note_newest() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        perform find_newest_backup(old.host_id);
    else
        perform find_newest_backup(new.host_id);
    end if;
    return null;
end $$;
create trigger runs_note_newest after insert or update on runs
    for each row when (new.kind = 'backup' and new.host_id is not null) execute function runs_note_newest();
create trigger runs_note_newest_left after delete on runs
    for each row when (old.kind = 'backup' and old.host_id is not null) execute function runs_note_newest();

select find_newest_backup(id) from hosts;

-- Who did something, and what happened when.
drop index audit_of_subject;
create index audit_of_actor on audit (actor, id desc);
create index audit_of_subject on audit (subject, id desc);
create index audit_of_group on audit (split_part(subject, '/', 1), id desc);

---- create above / drop below ----

drop index audit_of_group, audit_of_subject, audit_of_actor;
create index audit_of_subject on audit (subject, at desc);
drop trigger runs_note_newest on runs;
drop trigger runs_note_newest_left on runs;
drop function runs_note_newest();
drop function find_newest_backup(uuid);
drop table newest_backups;
drop index runs_newest_of_kind, runs_of_removed, runs_newest_of_state, runs_newest_of_group, runs_newest_of_host, runs_newest;
create index runs_newest on runs (started desc);
create index runs_newest_of_host on runs (host_id, started desc);
drop trigger hosts_take_runs_along on hosts;
drop function hosts_take_runs_along();
drop trigger runs_find_group on runs;
drop function runs_find_group();
alter table runs drop group_id;
drop index snapshots_suspect;
drop function host_health(boolean, boolean, timestamptz, interval, interval, text, timestamptz);
drop index hosts_of_storage;
alter table hosts drop late_age, drop failing_age, drop timetable;
