-- decided: what every row that travels is to be, column by column, and what is done with it; the lists are put in for each
-- table.
-- Takes `theirs` (Trakt's side, with `run`, `overwrite`, `leaves`), `base` (the same rows at the last import, with `gone`)
-- and `ours` (the application's rows).
-- Gives `decided`: {values} as they are to be, and
--   has_base, has_ours  whether the other two sides have the row,
--   same, clean         whether it is to be as ours is; whether ours is as the baseline is,
--   comes_back          whether a fact has changed on Trakt that brings a deleted row back,
--   kept                the columns that both sides changed and where ours won,
--   fate                insert, update, delete, kept, unchanged, deleted_here.
-- A row that is not there, an event and mode overwrite take theirs whole. A row leaves where its title has moved, or where
-- its fact is gone and the run prunes; only where ours is as the baseline is: what the application has changed is kept.
-- Adds the titles with a change to `changed_titles`; `keeping` are the rows of which something of ours stands (see kept.sql).

create table decided as
with rows as (
    select t.run as run, {t_key}, t.overwrite as overwrite, t.leaves as leaves,
        b.user_id is not null as has_base, o.user_id is not null as has_ours,
        {events} or t.overwrite or o.user_id is null as whole,
        {merged},
        case when whole or t.leaves then [] else list_filter([{kept}], lambda x: x is not null) end::varchar[] as kept,
        coalesce(b.gone, false) or ({t_facts}) is distinct from ({b_facts}) as comes_back,
        has_base and has_ours and ({b_values}) is not distinct from ({o_values}) as clean,
        ({o_values}) as ours_values
    from theirs as t
    left join base as b using ({key})
    left join ours as o using ({key})
)
select * exclude (whole, ours_values), has_ours and ({values}) is not distinct from ours_values as same,
    case
        when leaves and not has_ours then 'deleted_here'
        when leaves and clean then 'delete'
        when leaves then 'kept'
        when not has_ours and has_base and not (comes_back or overwrite) then 'deleted_here'
        when not has_ours then 'insert'
        when not same then 'update'
        when len(kept) > 0 then 'kept'
        else 'unchanged'
    end as fate
from rows;

insert into changed_titles
select distinct run, title_id from decided where fate in ('insert', 'update');

create view keeping as
from decided where fate in ('update', 'kept') and (leaves or len(kept) > 0);
