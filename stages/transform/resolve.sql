-- resolve: which catalogue title every Trakt title of the picture is.
-- Takes `seen` and `catalogue` (of the snapshot, in which an id that can never match is null, every row that bears an id
-- of a title seen; maybe more).
-- Gives `trakt_titles`: one row per run and Trakt title, with `title_id` (null: not in the catalogue), `matched_by`,
-- `conflict`, `ambiguous`, and `entry`: the title that speaks first of those that are one catalogue title (`precedence`
-- counts them); and `catalogue_titles`.
-- Within the kind, in this order: Trakt id, IMDb, TMDB, TVDB (shows only). The first that is found wins.

-- The catalogue titles that bear a wanted id, of this kind or the other: the id that is joined by tells.
create table hits as
select 1 as rank, id_key(kind, trakt_id) as id, title_id, aired_episodes from catalogue semi join seen using (trakt_id)
union all
select 2, imdb_key(kind, imdb_id), title_id, aired_episodes from catalogue semi join seen using (imdb_id)
union all
select 3, id_key(kind, tmdb_id), title_id, aired_episodes from catalogue semi join seen using (tmdb_id)
union all
select 4, id_key(kind, tvdb_id), title_id, aired_episodes from catalogue semi join seen using (tvdb_id) where kind = 'show';

-- Of several that bear an id, the first by title_id as text. There are few: to find these is quicker than to group all.
create table several as
select rank, id, min(title_id) as title_id, list(title_id) as bearers
from hits semi join (select rank, id from hits group by rank, id having count(*) > 1) using (rank, id)
group by rank, id;

create view found as
select rank, id, title_id, null as bearers from hits anti join several using (rank, id)
union all
from several;

create table matched as
with known as (
    select s.*, runs.add_missing and s.name is not null as may_be_added,
        i.title_id as by_imdb, m.title_id as by_tmdb, v.title_id as by_tvdb,
        coalesce(t.title_id, i.title_id, m.title_id, v.title_id) as known_as,
        case known_as when t.title_id then 1 when i.title_id then 2 when m.title_id then 3 when v.title_id then 4 end as rank,
        list_concat(t.bearers, i.bearers, m.bearers, v.bearers) as bearers
    from seen as s
    join runs using (run)
    left join found as t on t.rank = 1 and t.id = id_key(s.kind, s.trakt_id)
    left join found as i on i.rank = 2 and i.id = imdb_key(s.kind, s.imdb_id)
    left join found as m on m.rank = 3 and m.id = id_key(s.kind, s.tmdb_id)
    left join found as v on v.rank = 4 and v.id = id_key(s.kind, s.tvdb_id)
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes, rank,
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

-- Few titles are one entry with another: to find these is quicker than to number them all.
create table trakt_titles as
with shared as (select run, title_id from matched where title_id is not null group by run, title_id having count(*) > 1),
numbered as (
    select run, title, title_id as merged, row_number() over one_entry as place, first_value(title) over one_entry as first
    from matched semi join shared using (run, title_id)
    window one_entry as (
        partition by run, title_id
        order by rank nulls last, trakt_id nulls last, imdb_id nulls last, tmdb_id nulls last, tvdb_id nulls last
    )
)
select m.*, case when m.title_id is not null then coalesce(n.place, 1) end as precedence,
    case when m.title_id is not null then coalesce(n.first, title) end as entry, n.merged
from matched as m left join numbered as n using (run, title);

-- What the catalogue itself knows of the titles found.
create table catalogue_titles as
select title_id, any_value(aired_episodes) as aired_episodes from hits where aired_episodes > 0 group by title_id;
