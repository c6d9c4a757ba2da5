-- What hosts are billed for: one usage sample per host and day. It outlives the
-- host, whose names are kept as they were, and is never changed: what was posted
-- stays as posted.
create table usage_samples (
    day        date not null,
    host_id    uuid not null,
    group_name text not null check (group_name <> ''),
    host_name  text not null check (host_name <> ''),
    -- Billed are enabled hosts on each day and disabled ones on the first of a month.
    enabled    boolean not null,
    billed     boolean not null,
    -- Whether the pool was asked, or is not known to say otherwise than before.
    source     text not null check (source in ('pool', 'catalog')),
    -- Taken after its day.
    late       boolean not null,
    taken_at    timestamptz not null,
    measured_at timestamptz not null,
    used_bytes         bigint not null check (used_bytes >= 0),
    referenced_bytes   bigint not null check (referenced_bytes >= 0),
    logical_used_bytes bigint check (logical_used_bytes >= 0),
    snapshots  integer not null check (snapshots >= 0),
    files      bigint check (files >= 0),
    primary key (day, host_id),
    check (source = 'pool' or logical_used_bytes is null),
    check (billed or not enabled)
);
create index usage_samples_of_group on usage_samples (group_name, day);

-- A sample on its way to one poster. What was sent is kept, since it is what was
-- billed.
create table usage_posts (
    day        date not null,
    host_id    uuid not null,
    poster     text not null check (poster ~ '^[a-z][a-z0-9_]{0,30}$'),
    state      text not null default 'pending' check (state in ('pending', 'posted', 'refused')),
    -- It was there already: of an attempt whose answer was lost.
    existed    boolean not null default false,
    attempts   integer not null default 0 check (attempts >= 0),
    last_error text not null default '',
    tried_at   timestamptz,
    posted_at  timestamptz,
    sent       text not null default '',
    primary key (day, host_id, poster),
    foreign key (day, host_id) references usage_samples,
    check ((state = 'posted') = (posted_at is not null)),
    check (state = 'posted' or not existed)
);
create index usage_posts_to_do on usage_posts (day, poster, host_id) where state <> 'posted';

-- The days whose samples were taken, be it of no host.
create table billing_days (
    day        date primary key,
    sampled_at timestamptz not null
);

create function billed_stays_billed() returns trigger language plpgsql as $$
begin
    raise exception 'what was billed is not changed (%)', tg_table_name
        using errcode = 'check_violation', constraint = 'billed_stays_billed';
end $$;
create trigger billed_stays_billed before update or delete on usage_samples
    for each row execute function billed_stays_billed();
create trigger billed_stays_billed before update or delete on usage_posts
    for each row when (old.state = 'posted') execute function billed_stays_billed();

---- create above / drop below ----

drop table billing_days, usage_posts, usage_samples;
drop function billed_stays_billed;
