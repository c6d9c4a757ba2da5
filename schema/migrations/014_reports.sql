-- The digests and monthly reports that were made to be mailed, as they were
-- mailed. They outlive the group, whose name is kept as it was.
create table reports (
    id         bigint generated always as identity primary key,
    kind       text not null check (kind in ('digest', 'monthly')),
    -- The day of a digest, the month of a monthly report.
    period     text not null check (period ~ case kind when 'digest' then '^\d{4}-\d\d-\d\d$' else '^\d{4}-\d\d$' end),
    group_id   uuid references groups on delete set null,
    group_name text not null default '',
    -- More than 1 where somebody asked for it to be made and sent again.
    nth        integer not null default 1 check (nth >= 1),
    -- The run of the workflow that made it.
    run_id     text not null,
    subject    text not null check (subject <> ''),
    body       text not null,
    html       text not null,
    made_at    timestamptz not null,
    check ((kind = 'monthly') = (group_name <> '')),
    check (kind = 'monthly' or group_id is null)
);
create unique index reports_one_digest on reports (period, nth) where kind = 'digest';
create unique index reports_one_of_a_group on reports (group_id, period, nth) where kind = 'monthly';

-- A report on its way to one recipient.
create table report_mails (
    report_id  bigint not null references reports on delete cascade,
    recipient  text not null check (recipient <> ''),
    state      text not null default 'pending' check (state in ('pending', 'sent', 'gave_up')),
    attempts   integer not null default 0 check (attempts >= 0),
    last_error text not null default '',
    tried_at   timestamptz,
    ended_at   timestamptz,
    primary key (report_id, recipient),
    check ((state = 'pending') = (ended_at is null))
);
create index report_mails_to_send on report_mails (report_id) where state = 'pending';

create function sent_stays_sent() returns trigger language plpgsql as $$
begin
    raise exception 'what was sent stays on record as sent'
        using errcode = 'check_violation', constraint = 'sent_stays_sent';
end $$;
create trigger sent_stays_sent before update on report_mails
    for each row when (old.state = 'sent') execute function sent_stays_sent();

---- create above / drop below ----

drop table report_mails, reports;
drop function sent_stays_sent;
