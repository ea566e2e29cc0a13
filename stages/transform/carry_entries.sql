-- carry_entries: the entries of one table with those that are carried on; see `carry`.
-- Takes, named in braces, the table and its key within the user; `baseline_<table>`, `standing`, `moved_to`, `owned`.
-- Gives `resolved_<table>`.

create table lost_{table} as
select {key} from baseline_{table} anti join {table} using ({key});

create view resolved_{table} as
with moved as (
    select distinct {key}, true as moved
    from (
        select t.* replace (m.title_id as title_id)
        from moved_to as m join {table} as t on t.run = m.run and t.title_id = m.new_title_id
    )
),
carried as (
    select b.* exclude (carried, gone, moved, left_alone), b.gone as was_gone, coalesce(s.unresolved, false) as unresolved,
        coalesce(m.moved, false) and not b.gone as moved
    from baseline_{table} as b
    semi join lost_{table} using ({key})
    left join standing as s using (run, title_id)
    left join moved as m using ({key})
),
both_sides as (
    select *, false as carried, false as gone, false as moved from {table}
    union all by name
    select * exclude (unresolved, was_gone), true as carried, was_gone or not (unresolved or moved) as gone from carried
)
select b.*, o.title_id is not null as left_alone
from both_sides as b left join owned as o using (run, title_id);
