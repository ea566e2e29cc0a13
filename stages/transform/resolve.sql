-- resolve: every Trakt title of the picture, and the catalogue title it is.
-- Takes the facts and `catalogue` (the snapshot, in which an id that can never match is null).
-- Gives `trakt_titles`: one row per run and Trakt title, with `title_id` (null: not in the catalogue), `matched_by`,
-- `conflict`, `ambiguous`, and `entry`: the title that speaks first of those that are one catalogue title.
-- Within the kind, in this order: Trakt id, IMDb, TMDB, TVDB (shows only). The first that is found wins.

-- The endpoints hold cached copies of a title, so what one copy lacks is taken from another: the first endpoint in this
-- order that tells it, and of its differing copies the smallest (of aired episodes, which only grow, the largest).
create table seen as
with rows as (
    select 1 as source, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watched
    union all
    select 2, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from plays
    union all
    select 3, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from listed
    union all
    select 4, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from rated
    union all
    select 5, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from collected
    union all
    select 6, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watching
),
copies as (
    select run, title, source, any_value(kind) as kind, any_value(trakt_id) as trakt_id, min(imdb_id) as imdb_id, min(tmdb_id) as tmdb_id,
        min(tvdb_id) as tvdb_id, min(name) as name, min("year") as "year", max(aired_episodes) filter (aired_episodes > 0) as aired_episodes
    from rows
    group by run, title, source
)
select run, title, any_value(kind) as kind, any_value(trakt_id) as trakt_id, arg_min(imdb_id, source) as imdb_id,
    arg_min(tmdb_id, source) as tmdb_id, arg_min(tvdb_id, source) as tvdb_id, arg_min(name, source) as name,
    arg_min("year", source) as "year", arg_min(aired_episodes, source) as aired_episodes
from copies
group by run, title;

-- Which catalogue titles bear a wanted id; of several, the first by title_id as text.
create table found as
with hits as (
    select 1 as rank, kind, trakt_id as number, null as imdb_id, title_id
    from catalogue semi join seen using (kind, trakt_id)
    union all
    select 2, kind, null, imdb_id, title_id from catalogue semi join seen using (kind, imdb_id)
    union all
    select 3, kind, tmdb_id, null, title_id from catalogue semi join seen using (kind, tmdb_id)
    union all
    select 4, kind, tvdb_id, null, title_id from catalogue semi join seen using (kind, tvdb_id) where kind = 'show'
)
select rank, kind, number, imdb_id, min(title_id) as title_id,
    case when count(*) > 1 then list(title_id) end as bearers
from hits
group by rank, kind, number, imdb_id;

create table trakt_titles as
with matched as (
    select s.*, runs.add_missing and s.name is not null as may_be_added,
        i.title_id as by_imdb, m.title_id as by_tmdb, v.title_id as by_tvdb,
        coalesce(t.title_id, i.title_id, m.title_id, v.title_id) as known_as,
        case known_as when t.title_id then 1 when i.title_id then 2 when m.title_id then 3 when v.title_id then 4 end as rank,
        list_concat(t.bearers, i.bearers, m.bearers, v.bearers) as bearers
    from seen as s
    join runs using (run)
    left join found as t on t.rank = 1 and t.kind = s.kind and t.number = s.trakt_id
    left join found as i on i.rank = 2 and i.kind = s.kind and i.imdb_id = s.imdb_id
    left join found as m on m.rank = 3 and m.kind = s.kind and m.number = s.tmdb_id
    left join found as v on v.rank = 4 and v.kind = s.kind and v.number = s.tvdb_id
),
titles as (
    select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes, rank,
        ['trakt', 'imdb', 'tmdb', 'tvdb'][rank] as matched_by,
        known_as is null and may_be_added as added,
        case when not added then known_as
            else coalesce('trakt-' || kind || '-' || trakt_id, 'imdb-' || kind || '-' || imdb_id,
                'tmdb-' || kind || '-' || tmdb_id, 'tvdb-' || kind || '-' || tvdb_id) end as title_id,
        nullif(concat_ws(', ', case when by_imdb <> known_as then 'imdb ' || by_imdb end,
            case when by_tmdb <> known_as then 'tmdb ' || by_tmdb end, case when by_tvdb <> known_as then 'tvdb ' || by_tvdb end), '') as conflict,
        nullif(array_to_string(list_sort(list_distinct(bearers)), ', '), '') as ambiguous
    from matched
)
select *,
    case when title_id is not null then row_number() over one_entry end as precedence,
    case when title_id is not null then first_value(title) over one_entry end as entry,
    case when title_id is not null and count(*) over (partition by run, title_id) > 1 then title_id end as merged
from titles
window one_entry as (
    partition by run, title_id
    order by rank nulls last, trakt_id nulls last, imdb_id nulls last, tmdb_id nulls last, tvdb_id nulls last
);

-- What the catalogue itself knows of the titles found.
create table catalogue_titles as
select title_id, any_value(aired_episodes) as aired_episodes
from catalogue semi join trakt_titles using (title_id)
where aired_episodes > 0
group by title_id;
