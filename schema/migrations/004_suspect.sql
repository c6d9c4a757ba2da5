-- What a person decided about suspect snapshots, and holds that end.

alter table snapshots
    add hold_until timestamptz,
    drop constraint snapshots_state_check,
    add constraint snapshots_state_check
        check (state in ('', 'ok', 'warning', 'partial', 'suspect', 'rejected'));

---- create above / drop below ----

update snapshots set state = 'suspect' where state = 'rejected';
alter table snapshots
    drop hold_until,
    drop constraint snapshots_state_check,
    add constraint snapshots_state_check check (state in ('', 'ok', 'warning', 'partial', 'suspect'));
