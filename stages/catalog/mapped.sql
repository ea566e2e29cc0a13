-- mapped: grow the catalogue by titles of a file that names them by foreign ids alone.
-- Takes `titles` and `foreign_titles` (line, kind, name, year, trakt_id, imdb_id, tmdb_id, tvdb_id, aired_episodes; ids that can match);
-- {stamp} is when; {new_ids}: whether `title_id` is text, so that new titles can be given one: {new_id}.
-- Gives `matched` (with the title_id of known ones), `conflicts` (place, told).
-- A known title keeps what it has and gets what it lacks. Ids that are of different titles change nothing.

create temporary table bearers as
select kind, 'trakt' as id, cast(trakt_id as text) as value, cast(min(cast(title_id as text)) as text) as title_id
from titles where trakt_id is not null group by kind, trakt_id
union all
select kind, 'imdb', cast(lower(trim(imdb_id)) as text), cast(min(cast(title_id as text)) as text)
from titles where imdb_id is not null group by kind, cast(lower(trim(imdb_id)) as text)
union all
select kind, 'tmdb', cast(tmdb_id as text), cast(min(cast(title_id as text)) as text)
from titles where tmdb_id is not null group by kind, tmdb_id
union all
select kind, 'tvdb', cast(tvdb_id as text), cast(min(cast(title_id as text)) as text)
from titles where tvdb_id is not null and kind = 'show' group by kind, tvdb_id;

create index bearers_by_value on bearers (value, id, kind);

create temporary table matched as
with found as (
    select f.*, coalesce(t.title_id, i.title_id, m.title_id, v.title_id) as title_id,
        coalesce(
            'trakt-' || f.kind || '-' || f.trakt_id, 'imdb-' || f.kind || '-' || f.imdb_id,
            'tmdb-' || f.kind || '-' || f.tmdb_id, 'tvdb-' || f.kind || '-' || f.tvdb_id
        ) as new_id,
        case when i.title_id <> coalesce(t.title_id, i.title_id) then i.title_id
            when m.title_id <> coalesce(t.title_id, i.title_id, m.title_id) then m.title_id
            when v.title_id <> coalesce(t.title_id, i.title_id, m.title_id, v.title_id) then v.title_id end as other
    from foreign_titles as f
    left join bearers as t on t.kind = f.kind and t.id = 'trakt' and t.value = cast(f.trakt_id as text)
    left join bearers as i on i.kind = f.kind and i.id = 'imdb' and i.value = f.imdb_id
    left join bearers as m on m.kind = f.kind and m.id = 'tmdb' and m.value = cast(f.tmdb_id as text)
    left join bearers as v on v.kind = f.kind and v.id = 'tvdb' and v.value = cast(f.tvdb_id as text)
)
select found.*, row_number() over (partition by coalesce(title_id, new_id) order by line) as place
from found;

create index matched_by_title on matched (title_id);

create index matched_by_new on matched (new_id);

create temporary table conflicts as
select m.line as place, 'line ' || m.line || ': its ids are those of ' || m.title_id || ' and of ' || m.other as told
from matched as m
where m.other is not null
union all
select m.line, 'line ' || m.line || ': ' || m.name || ' has no id to know it by'
from matched as m
where m.title_id is null and m.new_id is null
union all
select m.line, 'line ' || m.line || ': ' || m.name || ' is not in the catalogue, and ' || m.new_id || ' is another title'
from titles as t
join matched as m on m.new_id = cast(t.title_id as text)
where m.title_id is null
union all
select m.line, 'line ' || m.line || ': the same title as an earlier line'
from matched as m
where m.place > 1 and m.other is null and coalesce(m.title_id, m.new_id) is not null
union all
select 0, count(*) || ' titles are not in the catalogue, whose title_id is not text: load them with title_ids of your own'
from matched
where title_id is null and not {new_ids}
having count(*) > 0;

update titles set
    year = coalesce(titles.year, m.year),
    trakt_id = coalesce(titles.trakt_id, m.trakt_id),
    imdb_id = coalesce(titles.imdb_id, m.imdb_id),
    tmdb_id = coalesce(titles.tmdb_id, m.tmdb_id),
    tvdb_id = coalesce(titles.tvdb_id, m.tvdb_id),
    aired_episodes = coalesce(titles.aired_episodes, m.aired_episodes),
    updated_at = '{stamp}'
from matched as m
where m.title_id = cast(titles.title_id as text) and m.place = 1 and m.other is null
    and (
        (titles.year is null and m.year is not null) or (titles.trakt_id is null and m.trakt_id is not null)
        or (titles.imdb_id is null and m.imdb_id is not null) or (titles.tmdb_id is null and m.tmdb_id is not null)
        or (titles.tvdb_id is null and m.tvdb_id is not null)
        or (titles.aired_episodes is null and m.aired_episodes is not null)
    );

insert into titles (title_id, kind, name, year, trakt_id, imdb_id, tmdb_id, tvdb_id, aired_episodes, updated_at)
select {new_id}, m.kind, m.name, m.year, m.trakt_id, m.imdb_id, m.tmdb_id, m.tvdb_id, m.aired_episodes, '{stamp}'
from matched as m
where m.title_id is null and m.new_id is not null and m.place = 1 and {new_ids}
order by m.new_id
on conflict (title_id) do nothing;
