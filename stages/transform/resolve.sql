-- resolve: every Trakt title of the picture, and the catalogue title it is.
-- Takes the facts and `catalogue` (the snapshot). Gives `trakt_titles`: one row per run and Trakt title, with
-- `title_id` (null: not in the catalogue), `matched_by`, `conflict` and `ambiguous`.
-- Within the kind, in this order: Trakt id, IMDb, TMDB, TVDB (shows only). The first that is found wins.

create table seen as
with rows as (
    select 1 as source, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watched_rows
    union all
    select distinct 2, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from plays
    union all
    select distinct 3, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from listed
    union all
    select distinct 4, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from rated
    union all
    select 5, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from collected
    union all
    select 6, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watching_rows
)
-- The endpoints hold cached copies of a title, so an id that one copy lacks is taken from another.
select run, title, kind,
    first(trakt_id order by source) as trakt_id,
    first(imdb_id order by source, imdb_id) filter (imdb_id is not null) as imdb_id,
    first(tmdb_id order by source, tmdb_id) filter (tmdb_id is not null) as tmdb_id,
    first(tvdb_id order by source, tvdb_id) filter (tvdb_id is not null) as tvdb_id,
    first(name order by source, name) filter (name is not null) as name,
    first("year" order by source, "year") filter ("year" is not null) as "year",
    first(aired_episodes order by source, aired_episodes desc) filter (aired_episodes > 0) as aired_episodes
from rows
group by run, title, kind;

-- Which catalogue titles bear a wanted id; of several, the first by title_id as text.
create table found as
with wanted as (
    select distinct kind, 1 as rank, trakt_id as number, null as imdb_id from seen where trakt_id is not null
    union
    select kind, 2, null, imdb_id from seen where imdb_id is not null
    union
    select kind, 3, tmdb_id, null from seen where tmdb_id is not null
    union
    select kind, 4, tvdb_id, null from seen where tvdb_id is not null and kind = 'show'
),
hits as (
    select w.rank, w.kind, w.number, w.imdb_id, c.title_id
    from catalogue as c join wanted as w on w.rank = 1 and c.kind = w.kind and c.trakt_id = w.number
    union all
    select w.rank, w.kind, w.number, w.imdb_id, c.title_id
    from catalogue as c join wanted as w on w.rank = 2 and c.kind = w.kind and c.imdb_id = w.imdb_id
    union all
    select w.rank, w.kind, w.number, w.imdb_id, c.title_id
    from catalogue as c join wanted as w on w.rank = 3 and c.kind = w.kind and c.tmdb_id = w.number
    union all
    select w.rank, w.kind, w.number, w.imdb_id, c.title_id
    from catalogue as c join wanted as w on w.rank = 4 and c.kind = w.kind and c.tvdb_id = w.number
)
select rank, kind, number, imdb_id, min(title_id) as title_id,
    case when count(*) > 1 then list(title_id order by title_id) end as bearers
from hits
group by rank, kind, number, imdb_id;

create table trakt_titles as
with matched as (
    select s.*, t.title_id as by_trakt, i.title_id as by_imdb, m.title_id as by_tmdb, v.title_id as by_tvdb,
        coalesce(t.title_id, i.title_id, m.title_id, v.title_id) as title_id,
        case when t.title_id is not null then 'trakt' when i.title_id is not null then 'imdb'
            when m.title_id is not null then 'tmdb' when v.title_id is not null then 'tvdb' end as matched_by,
        case when t.title_id is not null then 1 when i.title_id is not null then 2
            when m.title_id is not null then 3 when v.title_id is not null then 4 end as match_rank,
        list_concat(t.bearers, i.bearers, m.bearers, v.bearers) as bearers
    from seen as s
    left join found as t on t.rank = 1 and t.kind = s.kind and t.number = s.trakt_id
    left join found as i on i.rank = 2 and i.kind = s.kind and i.imdb_id = s.imdb_id
    left join found as m on m.rank = 3 and m.kind = s.kind and m.number = s.tmdb_id
    left join found as v on v.rank = 4 and v.kind = s.kind and v.number = s.tvdb_id
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes, matched_by, match_rank,
    case when title_id is null and runs.add_missing and name is not null then
        case when trakt_id is not null then 'trakt-' || kind || '-' || trakt_id
            when imdb_id is not null then 'imdb-' || kind || '-' || imdb_id
            when tmdb_id is not null then 'tmdb-' || kind || '-' || tmdb_id
            else 'tvdb-' || kind || '-' || tvdb_id end
        else title_id end as title_id,
    title_id is null and runs.add_missing and name is not null as added,
    case when coalesce(by_imdb <> title_id, false) or coalesce(by_tmdb <> title_id, false) or coalesce(by_tvdb <> title_id, false)
        then array_to_string(list_distinct(list_filter([
            case when by_imdb <> title_id then 'imdb ' || by_imdb end,
            case when by_tmdb <> title_id then 'tmdb ' || by_tmdb end,
            case when by_tvdb <> title_id then 'tvdb ' || by_tvdb end], lambda x: x is not null)), ', ') end as conflict,
    case when len(bearers) > 0 then array_to_string(list_sort(list_distinct(bearers)), ', ') end as ambiguous
from matched
join runs using (run);

-- What the catalogue itself knows of the titles found.
create table catalogue_titles as
select c.title_id, usable_number(any_value(c.aired_episodes)) as aired_episodes
from catalogue as c
semi join trakt_titles as t on t.title_id = c.title_id
group by c.title_id;
