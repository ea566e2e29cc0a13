-- carry: what Trakt showed at the last import and no longer shows is carried on, so that no report forgets it.
-- Takes `<table>` for the four entry tables, `outcomes`, and `baseline_<table>`, `baseline_outcomes`: the resolved rows
-- of each run's last import. Gives `resolved_<table>`: theirs and carried rows, with the marks
--   gone   the fact has left the picture,
--   moved  its Trakt title is another catalogue title now, so the row leaves where nobody changed it,
--   left_alone  in mode `new`, the user already has the title.
-- A title that Trakt still shows but that no longer resolves is carried on unmarked.

create table carried_titles as
with before as (
    select run, title_id, title from baseline_outcomes where title_id is not null
),
now as (
    select b.run, b.title_id, bool_or(o.title is not null and o.title_id is null) as unresolved,
        bool_or(o.title_id is not null and o.title_id <> b.title_id) as moved,
        bool_or(o.title_id = b.title_id) as stays
    from before as b
    left join outcomes as o using (run, title)
    group by b.run, b.title_id
)
select run, title_id, coalesce(unresolved, false) as unresolved,
    coalesce(moved, false) and not coalesce(stays, false) and not exists (
        select 1 from outcomes as o where o.run = now.run and o.title_id = now.title_id
    ) as moved
from now;

create table resolved_library_entries as
with carried as (
    select b.* exclude (gone, moved, left_alone), not coalesce(c.unresolved or c.moved, false) as gone, coalesce(c.moved, false) as moved
    from baseline_library_entries as b
    left join carried_titles as c using (run, title_id)
    anti join library_entries as l using (run, title_id)
)
select *, false as gone, false as moved, exists (from owned where owned.run = l.run and owned.title_id = l.title_id) as left_alone
from library_entries as l
union all by name
select *, false as left_alone from carried;

create table resolved_season_entries as
with carried as (
    select b.* exclude (gone, moved, left_alone), not coalesce(c.unresolved or c.moved, false) as gone, coalesce(c.moved, false) as moved
    from baseline_season_entries as b
    left join carried_titles as c using (run, title_id)
    anti join season_entries as l using (run, title_id, season)
)
select *, false as gone, false as moved, exists (from owned where owned.run = l.run and owned.title_id = l.title_id) as left_alone
from season_entries as l
union all by name
select *, false as left_alone from carried;

create table resolved_episode_entries as
with carried as (
    select b.* exclude (gone, moved, left_alone), not coalesce(c.unresolved or c.moved, false) as gone, coalesce(c.moved, false) as moved
    from baseline_episode_entries as b
    left join carried_titles as c using (run, title_id)
    anti join episode_entries as l using (run, title_id, season, episode)
)
select *, false as gone, false as moved, exists (from owned where owned.run = l.run and owned.title_id = l.title_id) as left_alone
from episode_entries as l
union all by name
select *, false as left_alone from carried;

create table resolved_watches as
with carried as (
    select b.* exclude (gone, moved, left_alone), not coalesce(c.unresolved or c.moved, false) as gone, coalesce(c.moved, false) as moved
    from baseline_watches as b
    left join carried_titles as c using (run, title_id)
    anti join watches as l using (run, history_id)
)
select *, false as gone, false as moved, exists (from owned where owned.run = l.run and owned.title_id = l.title_id) as left_alone
from watches as l
union all by name
select *, false as left_alone from carried;
