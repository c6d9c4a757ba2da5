-- Sums of what is billed, kept with the samples, so that a month of thousands of
-- hosts is shown without adding all of its samples up.

-- No sample may come between what is summed here and the trigger.
lock table usage_samples in share row exclusive mode;

-- What a group is billed for on a day. Samples are never changed.
create table usage_days (
    group_name text not null,
    day        date not null,
    samples    integer not null check (samples > 0),
    used_bytes bigint not null check (used_bytes >= 0),
    primary key (group_name, day)
);
create index usage_days_by_day on usage_days (day);

-- Which hosts a group is billed for in a month, which is that of its first day.
create table usage_months (
    group_name text not null,
    month      date not null check (extract(day from month) = 1),
    host_id    uuid not null,
    primary key (group_name, month, host_id)
);

insert into usage_days (group_name, day, samples, used_bytes)
    select group_name, day, count(*), sum(used_bytes) from usage_samples where billed group by group_name, day;
insert into usage_months (group_name, month, host_id)
    select distinct group_name, date_trunc('month', day)::date, host_id from usage_samples where billed;

-- In an order, so that servers whose samples are taken at once wait for each
-- other and not in a ring.
create function sum_usage() returns trigger language plpgsql as $$
begin
    insert into usage_days (group_name, day, samples, used_bytes)
        select group_name, day, count(*), sum(used_bytes) from taken where billed group by group_name, day order by group_name, day
        on conflict (group_name, day) do update set samples = usage_days.samples + excluded.samples,
            used_bytes = usage_days.used_bytes + excluded.used_bytes;
    insert into usage_months (group_name, month, host_id)
        select distinct group_name, date_trunc('month', day)::date, host_id from taken where billed order by 1, 2, 3
        on conflict do nothing;
    return null;
end $$;
create trigger sum_usage after insert on usage_samples referencing new table as taken
    for each statement execute function sum_usage();

---- create above / drop below ----

drop trigger sum_usage on usage_samples;
drop function sum_usage;
drop table usage_months, usage_days;
