-- outcomes: what load does with every Trakt title, and how many there are of each fate.
-- Takes `runs`, `inputs` (run, endpoint, run_id), `changed_titles`, `kept_values`, the resolved outcomes and the rejected records.
-- Gives `loaded_outcomes` (one row per title) and `totals` (run, imported, skipped, error).
-- A rejected record counts one error, a part of one for each row that it is a part of; the same record sent twice counts once.

create table loaded_outcomes as
with changed_once as (select distinct run, title_id from changed_titles),
parts as (
    select run, title_id, season, episode,
        case when episode is not null then 'episode ' || season || 'x' || episode || ': '
            when season is not null then 'season ' || season || ': ' else '' end
        || string_agg(coalesce("column", 'all'), ', ' order by "column") as kept
    from kept_values
    group by run, title_id, season, episode
),
kept as (
    select run, title_id, string_agg(kept, '; ' order by season nulls first, episode nulls first) as kept
    from parts
    group by run, title_id
)
select r.run, r.user_id, o.kind, o.trakt_id, o.title, o.name, o.title_id,
    case when o.title_id is null then 'error' when c.title_id is not null then 'imported' else 'skipped' end as outcome,
    k.kept, r.trakt_slug, r.run_id
from {resolved} as o
join runs as r on r.run_id = o.run_id
left join changed_once as c on c.run = r.run and c.title_id = o.title_id
left join kept as k on k.run = r.run and k.title_id = o.title_id;

create table totals as
with titles as (
    select run, count(*) filter (outcome = 'imported') as imported, count(*) filter (outcome = 'skipped') as skipped,
        count(*) filter (outcome = 'error') as error
    from loaded_outcomes
    group by run
),
records as (
    select i.run, count(distinct (x.endpoint, x.parent, x.path, x.raw)) as rejected
    -- Files of an older version know no parent.
    from ((select null::varchar as parent limit 0) union all by name (from {rejected})) as x
    join inputs as i on i.endpoint = x.endpoint and i.run_id = x.run_id
    group by i.run
)
select run, coalesce(imported, 0), coalesce(skipped, 0), coalesce(error, 0) + coalesce(rejected, 0)
from runs
left join titles using (run)
left join records using (run);
