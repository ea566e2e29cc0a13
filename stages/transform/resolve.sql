-- resolve: which catalogue title every Trakt title of the picture is.
-- Takes `agreed`, `unsettled` and `catalogue` (of the snapshot, every row that bears an id of an unsettled title; maybe more).
-- Gives `trakt_titles`: one row per run and Trakt title, with `title_id` (null: not in the catalogue), `matched_by`,
-- `conflict`, `ambiguous`, `catalogue_aired` (the episodes that the catalogue title knows of), and `entry`: the title that speaks
-- first of those that are one catalogue title (`precedence` counts them).
-- Within the kind, in this order: Trakt id, IMDb, TMDB, TVDB (shows only). The first that is found wins.

-- The catalogue titles that bear a wanted id, of this kind or the other: the id that is joined by tells.
create table hits as
select 1 as rank, id_key(kind, trakt_id) as id, title_id, aired_episodes from catalogue semi join unsettled using (trakt_id)
union all
select 2, imdb_key(kind, imdb_id), title_id, aired_episodes from catalogue semi join unsettled using (imdb_id)
union all
select 3, id_key(kind, tmdb_id), title_id, aired_episodes from catalogue semi join unsettled using (tmdb_id)
union all
select 4, id_key(kind, tvdb_id), title_id, aired_episodes from catalogue semi join unsettled using (tvdb_id) where kind = 'show';

-- Of several that bear an id, the first by title_id as text. There are few: to find these is quicker than to group all.
create table several as
select rank, id, min(title_id) as title_id, arg_min_null(aired_episodes, title_id) as aired_episodes, list(title_id) as bearers
from hits semi join (select rank, id from hits group by rank, id having count(*) > 1) using (rank, id)
group by rank, id;

create view found as
select rank, id, title_id, aired_episodes, null as bearers from hits anti join several using (rank, id)
union all
from several;

create table settled as
with known as (
    select s.*, runs.add_missing and s.name is not null as may_be_added,
        i.title_id as by_imdb, m.title_id as by_tmdb, v.title_id as by_tvdb,
        coalesce(t.title_id, i.title_id, m.title_id, v.title_id) as known_as,
        case known_as when t.title_id then 1 when i.title_id then 2 when m.title_id then 3 when v.title_id then 4 end as rank,
        case known_as when t.title_id then t.aired_episodes when i.title_id then i.aired_episodes
            when m.title_id then m.aired_episodes when v.title_id then v.aired_episodes end as catalogue_aired,
        list_concat(t.bearers, i.bearers, m.bearers, v.bearers) as bearers
    from unsettled as s
    join runs using (run)
    left join found as t on t.rank = 1 and t.id = id_key(s.kind, s.trakt_id)
    left join found as i on i.rank = 2 and i.id = imdb_key(s.kind, s.imdb_id)
    left join found as m on m.rank = 3 and m.id = id_key(s.kind, s.tmdb_id)
    left join found as v on v.rank = 4 and v.id = id_key(s.kind, s.tvdb_id)
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes, rank, catalogue_aired,
    ['trakt', 'imdb', 'tmdb', 'tvdb'][rank] as matched_by,
    known_as is null and may_be_added as added,
    case when not added then known_as
        else coalesce('trakt-' || kind || '-' || trakt_id, 'imdb-' || kind || '-' || imdb_id,
            'tmdb-' || kind || '-' || tmdb_id, 'tvdb-' || kind || '-' || tvdb_id) end as title_id,
    case when by_imdb <> known_as or by_tmdb <> known_as or by_tvdb <> known_as then concat_ws(', ',
        case when by_imdb <> known_as then 'imdb ' || by_imdb end, case when by_tmdb <> known_as then 'tmdb ' || by_tmdb end,
        case when by_tvdb <> known_as then 'tvdb ' || by_tvdb end) end as conflict,
    case when len(bearers) > 0 then array_to_string(list_sort(list_distinct(bearers)), ', ') end as ambiguous
from known;

create view matched as
select *, 1 as rank, 'trakt' as matched_by, false as added, null as conflict, null as ambiguous from agreed where title_id is not null
union all by name
from settled;

-- Few titles are one entry with another, and one of them at least was not agreed on: no two titles bear the same Trakt id.
create table shared as
with in_question as (select distinct run, title_id from settled where title_id is not null),
together as (
    select run, title_id from matched semi join in_question using (run, title_id)
    group by run, title_id having count(*) > 1
)
select run, title, title_id as merged, row_number() over one_entry as place, first_value(title) over one_entry as first
from matched semi join together using (run, title_id)
window one_entry as (
    partition by run, title_id
    order by rank nulls last, trakt_id nulls last, imdb_id nulls last, tmdb_id nulls last, tvdb_id nulls last
);

create view trakt_titles as
select m.* exclude (rank), case when m.title_id is not null then coalesce(s.place, 1) end as precedence,
    case when m.title_id is not null then coalesce(s.first, title) end as entry, s.merged
from matched as m left join shared as s using (run, title);
