-- diff: what one run changed for its user, as lines to read: one for each title, and under it one for each of its parts.
-- Takes `changed_rows` (table, title_id, season, episode, fate, text: what happened to the row, in words, null where there
-- is no more to say than that it is new), `changed_plays` (title_id, season, episode, watched_at, fate, text) and `names`
-- (title_id, name). Gives `lines` (place, line).
-- What is only new is told together: plays of a title in one line (of a new title its own line tells them), episodes of a
-- season in another.

create macro numbered(season, episode) as season || 'x' || lpad(episode::varchar, 2, '0');

create table lines as
with islands as (
    select title_id, season, min(episode) as first, max(episode) as last
    from (
        select title_id, season, episode, episode - row_number() over (partition by title_id, season order by episode) as island
        from changed_rows
        where "table" = 'episode_entries' and fate = 'insert' and text is null
    )
    group by title_id, season, island
),
parts as (
    select title_id, case "table" when 'library_entries' then 0 else 1 end as part, season, episode,
        case when episode is not null then numbered(season, episode) || ': ' when season is not null then 'season ' || season || ': ' else '' end
        || concat_ws(', ', case fate when 'insert' then 'new' when 'delete' then 'deleted' end, text) as text
    from changed_rows
    where "table" <> 'episode_entries' or fate <> 'insert' or text is not null
    union all
    select title_id, 2, season, null, 'new episodes: ' || string_agg(
        numbered(season, first) || case when last > first then '–' || numbered(season, last) else '' end, ', ' order by first)
    from islands
    group by title_id, season
    union all
    select title_id, 3, null, null, count(*) || case when count(*) = 1 then ' play ' else ' plays ' end
        || case fate when 'insert' then 'added' else 'deleted' end
        || case when max(watched_at) is null then '' when count(*) = 1 then strftime(max(watched_at), ', of %Y-%m-%d %H:%M')
            else strftime(min(watched_at), ', of %Y-%m-%d') || strftime(max(watched_at), ' to %Y-%m-%d') end
    from changed_plays as p
    where fate <> 'update' and not exists (
        from changed_rows as r where r."table" = 'library_entries' and r.title_id = p.title_id and r.fate = p.fate and p.fate = 'insert'
    )
    group by title_id, fate
    union all
    select title_id, 4, season, episode,
        'play' || coalesce(' of ' || numbered(season, episode), '') || coalesce(strftime(watched_at, ' of %Y-%m-%d %H:%M'), '') || ': ' || text
    from changed_plays
    where fate = 'update'
),
titles as (
    select distinct title_id, coalesce(n.name, title_id) as name
    from parts left join names as n using (title_id)
),
told as (
    select t.name, t.title_id, 0 as part, null::bigint as season, null::bigint as episode, t.name || ':' || coalesce(' ' || p.text, '') as line
    from titles as t left join parts as p on p.title_id = t.title_id and p.part = 0
    union all
    select t.name, title_id, p.part, p.season, p.episode, '    ' || p.text
    from parts as p join titles as t using (title_id)
    where p.part > 0
)
select row_number() over (order by name, title_id, part, season nulls first, episode nulls first, line) as place, line
from told;
