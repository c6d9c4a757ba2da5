-- Keys of the jump hosts on the way to hosts, pinned like those of the hosts.
-- Many hosts share one, so they are kept by its address, as HOST or HOST:PORT.

create table jump_hosts (
    address   text primary key check (address ~ '^[][A-Za-z0-9_:][][A-Za-z0-9.:_-]*$'),
    host_keys text[] not null check (cardinality(host_keys) > 0),
    pinned_at timestamptz not null default now()
);

---- create above / drop below ----

drop table jump_hosts;
