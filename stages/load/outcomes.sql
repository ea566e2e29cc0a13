-- outcomes: what load does with every Trakt title.
-- Takes `runs`, `changed_titles`, `kept_values` and the resolved outcomes. Gives `loaded_outcomes`, one row per title.

create view loaded_outcomes as
with parts as (
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
    case
        when o.title_id is null then 'error'
        when (r.run, o.title_id) in (select run, title_id from changed_titles) then 'imported'
        else 'skipped'
    end as outcome,
    k.kept, r.trakt_slug, r.run_id
from {resolved} as o
join runs as r on r.run_id = o.run_id
left join kept as k on k.run = r.run and k.title_id = o.title_id;
