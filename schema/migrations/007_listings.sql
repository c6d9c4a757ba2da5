-- When what the catalog has of a host's snapshots was asked for, by the clock of
-- Temporal: an older answer does not replace a newer one, whatever the clock of
-- the storage server does.
alter table hosts add listed_at timestamptz;

-- Steps are tried again, runs are not; how often is told by Temporal.
alter table runs drop attempt;

---- create above / drop below ----

alter table runs add attempt integer not null default 1 check (attempt >= 1);
alter table hosts drop listed_at;
