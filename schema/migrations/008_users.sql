-- Who may sign in, to do what. Roles are granted for all groups (group_id is
-- null) or for one; a grant goes with its group and never becomes wider.

create table users (
    id               uuid primary key default gen_random_uuid(),
    name             text not null unique check (name ~ '^[a-z0-9][a-z0-9._@-]{0,62}$'),
    display_name     text not null default '',
    -- A PHC string; never the password itself.
    password_hash    text not null check (password_hash like '$argon2id$%'),
    disabled         boolean not null default false,
    password_changed timestamptz not null default now(),
    last_sign_in     timestamptz,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

-- Sessions and tokens are kept as SHA-256 of a random secret: who reads this
-- table cannot sign in with it.
create table sessions (
    hash       bytea primary key check (length(hash) = 32),
    -- Names the session to people, in lists.
    id         uuid not null unique default gen_random_uuid(),
    user_id    uuid not null references users on delete cascade,
    created_at timestamptz not null,
    seen_at    timestamptz not null,
    expires_at timestamptz not null,
    ip         text not null default '',
    agent      text not null default '',
    check (expires_at > created_at)
);
create index sessions_of_user on sessions (user_id);

create table tokens (
    id           uuid primary key default gen_random_uuid(),
    name         text not null unique check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$'),
    hash         bytea not null unique check (length(hash) = 32),
    -- With an owner, the token may do no more than the owner may.
    user_id      uuid references users on delete cascade,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    last_used_at timestamptz,
    last_used_ip text not null default '',
    check (expires_at > created_at)
);
create index tokens_of_user on tokens (user_id);

create table grants (
    user_id  uuid references users on delete cascade,
    token_id uuid references tokens on delete cascade,
    role     text not null check (role in ('viewer', 'operator', 'restorer', 'admin')),
    group_id uuid references groups on delete cascade,
    check ((user_id is null) <> (token_id is null))
);
create unique index grants_once on grants (
    coalesce(user_id, token_id), role, coalesce(group_id, '00000000-0000-0000-0000-000000000000'));
create index grants_of_user on grants (user_id);
create index grants_of_token on grants (token_id);
create index grants_of_group on grants (group_id);

-- Sign-ins that were tried and did not succeed, for as long as they count.
create table sign_in_attempts (
    id        bigint generated always as identity primary key,
    user_name text not null,
    ip        text not null,
    at        timestamptz not null
);
create index sign_in_attempts_in_time on sign_in_attempts (at);

---- create above / drop below ----

drop table sign_in_attempts, grants, tokens, sessions, users;
