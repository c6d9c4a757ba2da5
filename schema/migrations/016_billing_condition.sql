-- That days were not billed lasts, too, and is told.
alter table conditions drop constraint conditions_about_check;
alter table conditions add constraint conditions_about_check check (about in ('host', 'storage', 'worker', 'schedules', 'billing'));

---- create above / drop below ----

delete from conditions where about = 'billing';
alter table conditions drop constraint conditions_about_check;
alter table conditions add constraint conditions_about_check check (about in ('host', 'storage', 'worker', 'schedules'));
