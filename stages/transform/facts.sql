-- facts: the pages of the picture as flat rows, one per fact, the newest copy of each.
-- Takes `runs` (run, started_at), `inputs` (run, endpoint, run_id, place: base first) and `pages_<endpoint>`.
-- Gives `watched_rows`, `watched_show_episodes`, `plays`, `listed`, `rated`, `collected`, `collected_episodes`, `watching_rows`.
-- Of an item that came twice, the later read wins; within a read its own newest date, then the later position.

create table watched_rows as
with rows as (
    select i.run, title_key('movie', p.movie.ids.trakt, p.movie.ids.imdb, p.movie.ids.tmdb, null) as title, 'movie' as kind,
        p.movie.ids.trakt as trakt_id, p.movie.ids.imdb as imdb_id, p.movie.ids.tmdb as tmdb_id, null::bigint as tvdb_id,
        p.movie.title as name, p.movie."year" as "year", null::bigint as aired_episodes,
        p.plays, p.last_watched_at, null::timestamptz as reset_at, null as seasons,
        i.place, p.last_updated_at as dated_at, p.fetched_at, p.page, p.position
    from pages_watched_movies as p
    join inputs as i on i.endpoint = 'watched_movies' and i.run_id = p.run_id
    union all
    select i.run, title_key('show', p."show".ids.trakt, p."show".ids.imdb, p."show".ids.tmdb, p."show".ids.tvdb), 'show',
        p."show".ids.trakt, p."show".ids.imdb, p."show".ids.tmdb, p."show".ids.tvdb,
        p."show".title, p."show"."year", p."show".aired_episodes,
        p.plays, p.last_watched_at, p.reset_at, p.seasons,
        i.place, p.last_updated_at, p.fetched_at, p.page, p.position
    from pages_watched_shows as p
    join inputs as i on i.endpoint = 'watched_shows' and i.run_id = p.run_id
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    plays, moment(last_watched_at) as last_watched_at, moment(reset_at) as reset_at, seasons
from rows
qualify row_number() over (
    partition by run, title
    order by place desc, dated_at desc nulls last, fetched_at desc, page desc, position desc
) = 1;

create table watched_show_episodes as
with seasons as (select run, title, reset_at, unnest(seasons) as season from watched_rows where kind = 'show'),
episodes as (select run, title, season.number as season, unnest(season.episodes) as episode from seasons)
select run, title, season, episode.number as episode,
    max(episode.plays) as plays, max(moment(episode.last_watched_at)) as last_watched_at
from episodes
where season is not null and episode.number is not null
group by all;

create table plays as
with rows as (
    select i.run, p.id as history_id, moment(p.watched_at) as watched_at, p."action" as "action",
        case when p."type" = 'movie' then 'movie' else 'show' end as kind,
        case when p."type" = 'movie' then p.movie.ids.trakt else p."show".ids.trakt end as trakt_id,
        case when p."type" = 'movie' then p.movie.ids.imdb else p."show".ids.imdb end as imdb_id,
        case when p."type" = 'movie' then p.movie.ids.tmdb else p."show".ids.tmdb end as tmdb_id,
        case when p."type" = 'movie' then null else p."show".ids.tvdb end as tvdb_id,
        coalesce(p."show".title, p.movie.title) as name, coalesce(p."show"."year", p.movie."year") as "year",
        p."show".aired_episodes as aired_episodes, p.episode.season as season, p.episode.number as episode,
        i.place, p.fetched_at, p.page, p.position
    from pages_history as p
    join inputs as i on i.endpoint = 'history' and i.run_id = p.run_id
)
select run, title_key(kind, trakt_id, imdb_id, tmdb_id, tvdb_id) as title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year",
    aired_episodes, history_id, watched_at, "action",
    case when kind = 'show' then season end as season, case when kind = 'show' then episode end as episode
from rows
qualify row_number() over (partition by run, history_id order by place desc, fetched_at desc, page desc, position desc) = 1;

create table listed as
with rows as (
    select i.run, case when p."type" = 'movie' then 'movie' else 'show' end as kind, p."type" as about,
        case when p."type" = 'movie' then p.movie.ids.trakt else p."show".ids.trakt end as trakt_id,
        case when p."type" = 'movie' then p.movie.ids.imdb else p."show".ids.imdb end as imdb_id,
        case when p."type" = 'movie' then p.movie.ids.tmdb else p."show".ids.tmdb end as tmdb_id,
        case when p."type" = 'movie' then null else p."show".ids.tvdb end as tvdb_id,
        coalesce(p."show".title, p.movie.title) as name, coalesce(p."show"."year", p.movie."year") as "year",
        p."show".aired_episodes as aired_episodes,
        case p."type" when 'season' then p.season.number when 'episode' then p.episode.season end as season,
        case p."type" when 'episode' then p.episode.number end as episode,
        p.listed_at as dated_at, i.place, p.fetched_at, p.page, p.position
    from pages_watchlist as p
    join inputs as i on i.endpoint = 'watchlist' and i.run_id = p.run_id
)
select run, title_key(kind, trakt_id, imdb_id, tmdb_id, tvdb_id) as title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year",
    aired_episodes, about, season, episode, moment(dated_at) as listed_at
from rows
qualify row_number() over (
    partition by run, title, about, season, episode
    order by place desc, dated_at desc nulls last, fetched_at desc, page desc, position desc
) = 1;

create table rated as
with rows as (
    select i.run, case when p."type" = 'movie' then 'movie' else 'show' end as kind, p."type" as about,
        case when p."type" = 'movie' then p.movie.ids.trakt else p."show".ids.trakt end as trakt_id,
        case when p."type" = 'movie' then p.movie.ids.imdb else p."show".ids.imdb end as imdb_id,
        case when p."type" = 'movie' then p.movie.ids.tmdb else p."show".ids.tmdb end as tmdb_id,
        case when p."type" = 'movie' then null else p."show".ids.tvdb end as tvdb_id,
        coalesce(p."show".title, p.movie.title) as name, coalesce(p."show"."year", p.movie."year") as "year",
        p."show".aired_episodes as aired_episodes,
        case p."type" when 'season' then p.season.number when 'episode' then p.episode.season end as season,
        case p."type" when 'episode' then p.episode.number end as episode,
        p.rating as score, p.rated_at as dated_at, i.place, p.fetched_at, p.page, p.position
    from pages_ratings as p
    join inputs as i on i.endpoint = 'ratings' and i.run_id = p.run_id
)
select run, title_key(kind, trakt_id, imdb_id, tmdb_id, tvdb_id) as title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year",
    aired_episodes, about, season, episode, score, moment(dated_at) as scored_at
from rows
qualify row_number() over (
    partition by run, title, about, season, episode
    order by place desc, dated_at desc nulls last, fetched_at desc, page desc, position desc
) = 1;

create table collected as
with rows as (
    select i.run, title_key('movie', p.movie.ids.trakt, p.movie.ids.imdb, p.movie.ids.tmdb, null) as title, 'movie' as kind,
        p.movie.ids.trakt as trakt_id, p.movie.ids.imdb as imdb_id, p.movie.ids.tmdb as tmdb_id, null::bigint as tvdb_id,
        p.movie.title as name, p.movie."year" as "year", null::bigint as aired_episodes,
        p.collected_at, p.metadata, null as seasons,
        i.place, p.updated_at as dated_at, p.fetched_at, p.page, p.position
    from pages_collection_movies as p
    join inputs as i on i.endpoint = 'collection_movies' and i.run_id = p.run_id
    union all
    select i.run, title_key('show', p."show".ids.trakt, p."show".ids.imdb, p."show".ids.tmdb, p."show".ids.tvdb), 'show',
        p."show".ids.trakt, p."show".ids.imdb, p."show".ids.tmdb, p."show".ids.tvdb,
        p."show".title, p."show"."year", p."show".aired_episodes,
        p.last_collected_at, null, p.seasons,
        i.place, p.last_updated_at, p.fetched_at, p.page, p.position
    from pages_collection_shows as p
    join inputs as i on i.endpoint = 'collection_shows' and i.run_id = p.run_id
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    moment(collected_at) as collected_at, metadata, seasons
from rows
qualify row_number() over (
    partition by run, title
    order by place desc, dated_at desc nulls last, fetched_at desc, page desc, position desc
) = 1;

create table collected_episodes as
with seasons as (select run, title, unnest(seasons) as season from collected where kind = 'show'),
episodes as (select run, title, season.number as season, unnest(season.episodes) as episode from seasons)
select run, title, season, episode.number as episode,
    moment(episode.collected_at) as collected_at, episode.metadata as metadata
from episodes
where season is not null and episode.number is not null
qualify row_number() over (
    partition by run, title, season, episode.number order by episode.collected_at desc nulls last
) = 1;

-- Trakt's last answer, believed only while it still lies ahead of the run.
create table watching_rows as
with rows as (
    select i.run, case when p."type" = 'movie' then 'movie' else 'show' end as kind,
        case when p."type" = 'movie' then p.movie.ids.trakt else p."show".ids.trakt end as trakt_id,
        case when p."type" = 'movie' then p.movie.ids.imdb else p."show".ids.imdb end as imdb_id,
        case when p."type" = 'movie' then p.movie.ids.tmdb else p."show".ids.tmdb end as tmdb_id,
        case when p."type" = 'movie' then null else p."show".ids.tvdb end as tvdb_id,
        coalesce(p."show".title, p.movie.title) as name, coalesce(p."show"."year", p.movie."year") as "year",
        p."show".aired_episodes as aired_episodes, p.expires_at, p.started_at, i.place, p.fetched_at
    from pages_watching as p
    join inputs as i on i.endpoint = 'watching' and i.run_id = p.run_id
)
select rows.run, title_key(kind, trakt_id, imdb_id, tmdb_id, tvdb_id) as title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id,
    name, "year", aired_episodes, moment(rows.started_at) as watching_since
from rows
join runs on runs.run = rows.run
where rows.expires_at > runs.started_at
qualify row_number() over (partition by rows.run order by place desc, fetched_at desc) = 1;
