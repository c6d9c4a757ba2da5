-- What a number stands for that no migration has: nothing.
select 1;

---- create above / drop below ----

select 1;
