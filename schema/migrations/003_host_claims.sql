-- A host that is being renamed or removed belongs to the workflow that does it:
-- no run of the host begins meanwhile.

alter table hosts
    add claimed_by       text not null default '',
    add claimed_workflow text not null default '',
    add claimed_for      text not null default '',
    add check ((claimed_by = '') = (claimed_for = '') and (claimed_by = '') = (claimed_workflow = ''));

---- create above / drop below ----

alter table hosts drop claimed_by, drop claimed_workflow, drop claimed_for;
