-- Verifications: that snapshots can be restored, and the evidence for it.

alter table hosts
    add last_proven          timestamptz,
    add last_proven_snapshot text not null default '',
    add last_verify          timestamptz,
    add last_verify_state    text not null default ''
        check (last_verify_state in ('', 'proven', 'mismatch', 'unproven')),
    add check ((last_verify is null) = (last_verify_state = ''));

alter table storages
    -- The last scrub of the pool: never, done, running, stopped, resilver or
    -- unknown; scrub_at is when the last known one was done.
    add scrub_state  text not null default '' check (scrub_state ~ '^[a-z]*$'),
    add scrub_at     timestamptz,
    add scrub_errors bigint check (scrub_errors >= 0),
    add data_errors  bigint check (data_errors >= 0);

-- One verification. Evidence is kept for good: it outlives the host, whose
-- names are kept as they were, and it is never changed.
create table verifications (
    run_id           text primary key check (run_id ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$'),
    host_id          uuid references hosts on delete set null,
    group_name       text not null,
    host_name        text not null,
    server           text not null,
    dataset          text not null,
    snapshot         text not null check (snapshot <> ''),
    snapshot_created timestamptz,
    trigger          text not null,
    outcome          text not null check (outcome in ('proven', 'mismatch', 'unproven')),
    summary          text not null,
    started          timestamptz not null,
    finished         timestamptz not null check (finished >= started),
    restore_seconds  double precision not null check (restore_seconds >= 0),
    sample           text not null,
    files            bigint not null check (files >= 0),
    bytes            bigint not null check (bytes >= 0),
    by_host          bigint not null check (by_host >= 0),
    by_checksum      bigint not null check (by_checksum >= 0),
    compared         bigint not null check (compared >= 0),
    not_comparable   bigint not null check (not_comparable >= 0),
    too_large        bigint not null check (too_large >= 0),
    mismatched       bigint not null check (mismatched >= 0),
    attributes       bigint not null check (attributes >= 0),
    canaries         bigint not null check (canaries >= 0),
    canaries_ok      bigint not null check (canaries_ok >= 0),
    -- Why the host itself could not be asked; empty when it was.
    host_not_asked   text not null default '',
    findings         jsonb not null default '[]' check (jsonb_typeof(findings) = 'array'),
    uncompared       jsonb not null default '[]' check (jsonb_typeof(uncompared) = 'array'),
    attribute_files  jsonb not null default '[]' check (jsonb_typeof(attribute_files) = 'array'),
    worker_version   text not null default '',
    pool             text not null default '',
    pool_health      text not null default '',
    scrub_state      text not null default '',
    scrub_at         timestamptz,
    scrub_errors     bigint,
    data_errors      bigint,
    check (canaries_ok <= canaries),
    check ((outcome = 'mismatch') = (mismatched > 0)),
    check (outcome <> 'proven' or compared > 0)
);
create index verifications_newest on verifications (started desc);
create index verifications_of_host on verifications (host_id, started desc);

create function verifications_stay() returns trigger language plpgsql as $$
begin
    -- Deleting a host takes its id from its evidence, and nothing else.
    if to_jsonb(new) - 'host_id' <> to_jsonb(old) - 'host_id' then
        raise exception 'the evidence of verification % is not changed', old.run_id
            using errcode = 'check_violation', constraint = 'verifications_stay';
    end if;
    return new;
end $$;
create trigger verifications_stay before update on verifications
    for each row execute function verifications_stay();

---- create above / drop below ----

drop table verifications;
drop function verifications_stay();
alter table storages drop scrub_state, drop scrub_at, drop scrub_errors, drop data_errors;
alter table hosts drop last_proven, drop last_proven_snapshot, drop last_verify, drop last_verify_state;
