-- The catalog: what is to be backed up, by which policy, and what came of it.
-- Constraints repeat the rules of internal/ident, so that no other writer can
-- put a name here that would be unsafe as a dataset or as an argument.

create table groups (
    id         uuid primary key default gen_random_uuid(),
    name       text not null unique
               check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' and name !~ '[.][.]'),
    emails     text[] not null default '{}',
    notes      text not null default '',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- One parent dataset on one storage server; its worker registers it.
create table storages (
    id         uuid primary key default gen_random_uuid(),
    server     text not null check (server ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    dataset    text not null check (dataset ~ '^[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_][A-Za-z0-9_.:-]*)*$'),
    data_url   text not null default '',
    size_bytes bigint check (size_bytes >= 0),
    used_bytes bigint check (used_bytes >= 0),
    free_bytes bigint check (free_bytes >= 0),
    health     text not null default '',
    seen_at    timestamptz not null default now(),
    unique (server, dataset)
);

create table hosts (
    id              uuid primary key default gen_random_uuid(),
    group_id        uuid not null references groups on delete restrict,
    name            text not null
                    check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' and name !~ '[.][.]'),
    address         text not null check (address ~ '^[A-Za-z0-9_:][A-Za-z0-9.:_-]{0,254}$'),
    transport       text not null default 'ssh' check (transport in ('ssh', 'rsyncd')),
    module          text not null default '' check (module ~ '^([A-Za-z0-9][A-Za-z0-9._-]*)?$'),
    enabled         boolean not null default true,
    disabled_reason text not null default '',
    storage_id      uuid references storages on delete restrict,
    -- The dataset, once claimed. Renaming the host does not change it.
    dataset         text check (dataset ~ '^[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_][A-Za-z0-9_.:-]*)+$'),
    dataset_made    boolean not null default false,
    -- Pinned host keys, as lines of a known_hosts file without the host field.
    host_keys       text[] not null default '{}',
    notes           text not null default '',
    tags            text[] not null default '{}',
    -- Measured after each run, from the pool.
    used_bytes       bigint check (used_bytes >= 0),
    referenced_bytes bigint check (referenced_bytes >= 0),
    snapshot_count   integer not null default 0 check (snapshot_count >= 0),
    measured_at      timestamptz,
    last_good          timestamptz,
    last_good_snapshot text not null default '',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    unique (group_id, name),
    unique (storage_id, dataset),
    check ((transport = 'rsyncd') = (module <> '')),
    check (dataset is null or storage_id is not null),
    check (not dataset_made or dataset is not null)
);

-- Settings of one level; what a level leaves unset is inherited.
create table policies (
    id         bigint generated always as identity primary key,
    scope      text not null check (scope in ('system', 'group', 'host')),
    group_id   uuid references groups on delete cascade,
    host_id    uuid references hosts on delete cascade,
    settings   jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    updated_at timestamptz not null default now(),
    check ((scope = 'group') = (group_id is not null)),
    check ((scope = 'host') = (host_id is not null))
);
create unique index policies_one_system on policies (scope) where scope = 'system';
create unique index policies_one_a_group on policies (group_id) where scope = 'group';
create unique index policies_one_a_host on policies (host_id) where scope = 'host';

-- One execution of a workflow for a host. Outlives the host, whose names are
-- kept as they were.
create table runs (
    id          text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$'),
    workflow_id text not null,
    host_id     uuid references hosts on delete set null,
    group_name  text not null,
    host_name   text not null,
    kind        text not null check (kind ~ '^[a-z]+$'),
    trigger     text not null check (trigger ~ '^[a-z]+$'),
    state       text not null check (state in
                ('waiting', 'running', 'ok', 'warning', 'partial', 'failed', 'skipped', 'cancelled')),
    reason      text not null default '',
    next_try    timestamptz,
    attempt     integer not null default 1 check (attempt >= 1),
    started     timestamptz not null,
    finished    timestamptz,
    snapshot    text not null default '',
    files_total       bigint check (files_total >= 0),
    files_transferred bigint check (files_transferred >= 0),
    files_deleted     bigint check (files_deleted >= 0),
    bytes_transferred bigint check (bytes_transferred >= 0),
    bytes_total       bigint check (bytes_total >= 0),
    warnings    integer not null default 0 check (warnings >= 0),
    message     text not null default '',
    remedy      text not null default '',
    detail      jsonb not null default '{}',
    check ((state in ('waiting', 'running')) = (finished is null)),
    check (finished >= started)
);
create index runs_newest on runs (started desc);
create index runs_newest_of_host on runs (host_id, started desc);
create index runs_under_way on runs (host_id) where finished is null;
create index runs_id_prefix on runs (id text_pattern_ops);

-- What has ended stays ended, whichever message arrives late.
create function runs_stay_ended() returns trigger language plpgsql as $$
begin
    if old.finished is not null and new.finished is null then
        raise exception 'run % has ended and cannot become % again', old.id, new.state
            using errcode = 'check_violation', constraint = 'runs_stay_ended';
    end if;
    return new;
end $$;
create trigger runs_stay_ended before update on runs
    for each row execute function runs_stay_ended();

-- What the pool holds, as last seen. The pool is the truth.
create table snapshots (
    host_id          uuid not null references hosts on delete cascade,
    name             text not null check (name <> '' and name !~ '[/@[:cntrl:]]'),
    created          timestamptz not null,
    state            text not null default '' check (state in ('', 'ok', 'warning', 'partial', 'suspect')),
    tiers            text[] not null default '{}',
    used_bytes       bigint not null default 0 check (used_bytes >= 0),
    referenced_bytes bigint not null default 0 check (referenced_bytes >= 0),
    holds            integer not null default 0 check (holds >= 0),
    hold_reason      text not null default '',
    run_id           text not null default '',
    primary key (host_id, name)
);
create index snapshots_in_time on snapshots (host_id, created desc);

-- Who changed what.
create table audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default now(),
    actor   text not null check (actor <> ''),
    action  text not null check (action ~ '^[a-z]+[.][a-z_]+$'),
    subject text not null,
    detail  jsonb not null default '{}'
);
create index audit_of_subject on audit (subject, at desc);

---- create above / drop below ----

drop table audit, snapshots, runs, policies, hosts, storages, groups;
drop function runs_stay_ended;
