-- How full storages were, for their growth: one sample an hour at most, after
-- two weeks the last of each day.
create table storage_samples (
    storage_id uuid not null references storages on delete cascade,
    -- The hour, and the time within it.
    hour       timestamptz not null,
    at         timestamptz not null,
    used_bytes bigint not null check (used_bytes >= 0),
    free_bytes bigint not null check (free_bytes >= 0),
    primary key (storage_id, hour)
);

-- How many transfers the server of a storage does at once; null when its worker
-- did not say.
alter table storages add pull_slots integer check (pull_slots > 0);

---- create above / drop below ----

alter table storages drop pull_slots;
drop table storage_samples;
