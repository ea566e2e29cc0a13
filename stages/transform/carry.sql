-- carry: what Trakt showed at the last import and no longer shows is carried on, so that no report forgets it.
-- Takes `watches`, `title_facts`, `outcomes`, and `baseline_<table>`: the resolved rows of each run's last import. Gives `resolved_outcomes`,
-- `standing` and `moved_to` for `carry_entries`, and `resolved_watches`. Of the four entry tables, `resolved_<table>` has theirs
-- and the carried rows, with the marks
--   carried  this run's picture does not have the row,
--   gone     its fact has left the picture,
--   moved    its Trakt title is another catalogue title now and brings the row along, so the old one leaves,
--   left_alone  in mode `new`, the user already has the title.
-- A title that Trakt still shows but that no longer resolves is carried on without another mark; `resolved_outcomes` remembers where
-- it stood (`last_title_id`), for the day that it resolves again.

create table baseline_titles as
select run, title, title_id, coalesce(title_id, last_title_id) as stood_at from baseline_outcomes;

create view resolved_outcomes as
select o.*, b.title is not null as known_before, b.title_id as title_id_before,
    case when o.title_id is null then b.stood_at end as last_title_id
from outcomes as o
left join baseline_titles as b using (run, title);

-- Catalogue titles of the baseline on which not all stands as it did, and what has become of the Trakt titles there.
create table touched as
select distinct run, b.stood_at as title_id
from baseline_titles as b left join title_facts as f using (run, title)
where b.stood_at is not null and f.title_id is distinct from b.stood_at;

create table standing as
with before as (
    select run, b.stood_at as title_id, f.title is not null as is_shown, f.title_id as now
    from (from baseline_titles as b semi join touched as t on t.run = b.run and t.title_id = b.stood_at) as b
    left join title_facts as f using (run, title)
)
select b.run, b.title_id,
    bool_or(is_shown and now is null) as unresolved,
    bool_and(coalesce(now <> b.title_id, false)) and count(n.title_id) = 0 as moved
from before as b
left join (select distinct run, title_id from title_facts semi join touched using (run, title_id)) as n using (run, title_id)
group by b.run, b.title_id;

create table moved_to as
select distinct s.run, s.title_id, o.title_id as new_title_id
from standing as s
join baseline_titles as b on b.run = s.run and b.stood_at = s.title_id
join title_facts as o on o.run = b.run and o.title = b.title
where s.moved;

-- A play that is still shown keeps its id and takes the new title along, so none is ever left behind by a move.
create table lost_watches as
select run, history_id from baseline_watches anti join watches using (run, history_id);

create view resolved_watches as
with carried as (
    select b.* exclude (carried, gone, moved, left_alone), b.gone or not coalesce(s.unresolved, false) as gone, false as moved
    from baseline_watches as b
    semi join lost_watches using (run, history_id)
    left join standing as s using (run, title_id)
),
both_sides as (
    select *, false as carried, false as gone, false as moved from watches
    union all by name
    select *, true as carried from carried
)
select b.*, o.title_id is not null as left_alone
from both_sides as b left join owned as o using (run, title_id);
