-- What people are told: what lasts, what of it was to be told, and to whom it was.

-- When a host was last enabled after it had been disabled.
alter table hosts add enabled_at timestamptz;

-- That a guard tripped is no state of a run, which may be ok but for that.
alter table runs add suspect boolean not null default false;
update runs set suspect = true where kind = 'backup' and jsonb_typeof(detail->'guards') = 'array' and detail->'guards' <> '[]';
create index runs_suspect on runs (host_id, finished) where suspect;

-- Something that lasts: of a host, or of what hosts stand on. There is one at a
-- time for each kind; what is cleared stays on record.
create table conditions (
    id         uuid primary key default gen_random_uuid(),
    about      text not null check (about in ('host', 'storage', 'worker', 'schedules')),
    host_id    uuid references hosts on delete cascade,
    -- Which one, for people; host_id says it for hosts, which may be renamed.
    subject    text not null check (subject <> ''),
    kind       text not null check (kind ~ '^[a-z_]+$'),
    severity   text not null check (severity in ('info', 'warning', 'error', 'critical')),
    title      text not null check (title <> ''),
    cause      text not null default '',
    remedy     text not null default '',
    run_id     text not null default '',
    since      timestamptz not null,
    -- How often it was told, and when last; one that was not told yet waits to be
    -- seen a second time.
    told       integer not null default 0 check (told >= 0),
    told_at    timestamptz,
    cleared_at timestamptz,
    check ((about = 'host') = (host_id is not null)),
    check ((told = 0) = (told_at is null)),
    check (cleared_at >= since)
);
create unique index conditions_one_of_a_host on conditions (host_id, kind) where cleared_at is null and about = 'host';
create unique index conditions_one_of_the_fleet on conditions (about, subject, kind) where cleared_at is null and about <> 'host';
create index conditions_of_host on conditions (host_id, since desc);
create index conditions_cleared on conditions (cleared_at) where cleared_at is not null;

-- One thing that is told once, written with the change that it tells of. Outlives
-- the host, whose names are kept as they were.
create table notices (
    id           bigint generated always as identity primary key,
    -- What makes it the same notice, however often it is tried.
    key          text not null unique check (key ~ '^[a-z_]+/[A-Za-z0-9][A-Za-z0-9-]*(/[0-9]+)?$'),
    condition_id uuid references conditions on delete set null,
    host_id      uuid references hosts on delete set null,
    group_id     uuid references groups on delete set null,
    group_name   text not null default '',
    host_name    text not null default '',
    subject      text not null check (subject <> ''),
    kind         text not null check (kind ~ '^[a-z_]+$'),
    severity     text not null check (severity in ('info', 'warning', 'error', 'critical')),
    title        text not null check (title <> ''),
    cause        text not null default '',
    remedy       text not null default '',
    run_id       text not null default '',
    -- The how manieth telling of the same it is.
    nth          integer not null default 1 check (nth >= 1),
    since        timestamptz,
    at           timestamptz not null,
    -- When its delivery was last seen to, and when nothing of it was left to do.
    tended_at    timestamptz,
    done_at      timestamptz,
    check ((host_name = '') or (group_name <> ''))
);
create index notices_newest on notices (id desc) where kind <> 'good';
create index notices_of_run on notices (run_id) where run_id <> '' and done_at is null;
create index notices_to_deliver on notices (tended_at nulls first) where done_at is null;
create index notices_of_group on notices (group_id, id desc);
create index notices_of_host on notices (host_id, id desc);

-- A notice on its way to one recipient of one channel; channels without
-- recipients have one that is empty.
create table deliveries (
    notice_id  bigint not null references notices on delete cascade,
    channel    text not null check (channel <> ''),
    recipient  text not null default '',
    state      text not null default 'pending' check (state in ('pending', 'sent', 'gave_up')),
    attempts   integer not null default 0 check (attempts >= 0),
    last_error text not null default '',
    ended_at   timestamptz,
    primary key (notice_id, channel, recipient),
    check ((state = 'pending') = (ended_at is null))
);
create index deliveries_not_sent on deliveries (state, notice_id) where state <> 'sent';

---- create above / drop below ----

drop table deliveries, notices, conditions;
alter table runs drop suspect;
alter table hosts drop enabled_at;
