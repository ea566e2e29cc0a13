-- facts: the picture as flat rows, one per fact, the newest copy of each.
-- Takes `runs` (run, started_at), `told(endpoint, pages)` and `pages_<endpoint>`.
-- Gives `watched`, `watched_parts`, `plays`, `listed`, `rated`, `collected`, `collected_parts`, `watching`.
-- Of an item that came twice, the later read wins; within a read its own newest date, then the later position: the latest
-- `recency`. Hardly any comes twice: to find these and take the older ones out is quicker than to sort them all.

-- The latest copy of what may have come twice: a title, a part of a show's row, an item that is a title or a part of one.
create macro latest_title(facts) as table
    select run, title, max(recency) as latest
    from query_table(facts) semi join (
        select run, title from query_table(facts) group by run, title having count(*) > 1
    ) using (run, title)
    group by run, title;

create macro latest_part(facts) as table
    select run, title, season, episode, max(recency) as latest
    from query_table(facts) semi join (
        select run, title, season, episode from query_table(facts) group by all having count(*) > 1
    ) using (run, title, season, episode)
    group by all;

create macro latest_item(facts) as table
    select run, title, about, season, episode, max(recency) as latest
    from query_table(facts) semi join (
        select run, title from query_table(facts) group by run, title having count(*) > 1
    ) using (run, title)
    group by all;

create table watched as
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    plays, moment(last_watched_at) as last_watched_at, moment(reset_at) as reset_at, seasons,
    (place, dated(last_updated_at), position) as recency
from (
    from told('watched_movies', 'pages_watched_movies')
    union all
    from told('watched_shows', 'pages_watched_shows')
);

delete from watched using latest_title('watched') as twice
where watched.run = twice.run and watched.title = twice.title and watched.recency < twice.latest;

-- Of an episode that stands twice in its show's row the newest counts, then the later in the list.
create table watched_parts as
with seasons as (
    select run, title, unnest(seasons) as season, generate_subscripts(seasons, 1) as place from watched where kind = 'show'
),
episodes as (
    select run, title, season.number as season, place,
        unnest(season.episodes) as episode, generate_subscripts(season.episodes, 1) as position
    from seasons
)
select run, title, season, episode.number as episode, episode.plays as plays, moment(episode.last_watched_at) as last_watched_at,
    (dated(last_watched_at), place, position) as recency
from episodes;

delete from watched_parts using latest_part('watched_parts') as twice
where watched_parts.run = twice.run and watched_parts.title = twice.title and watched_parts.season = twice.season
    and watched_parts.episode = twice.episode and watched_parts.recency < twice.latest;

create table plays as
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    history_id, moment(watched_at) as watched_at, "action", season, episode, (place, position) as recency
from told('history', 'pages_history');

delete from plays using (
    select run, history_id, max(recency) as latest
    from plays semi join (select run, history_id from plays group by run, history_id having count(*) > 1) using (run, history_id)
    group by run, history_id
) as twice
where plays.run = twice.run and plays.history_id = twice.history_id and plays.recency < twice.latest;

create table listed as
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    "type" as about, season, episode, moment(listed_at) as listed_at, (place, dated(listed_at), position) as recency
from told('watchlist', 'pages_watchlist');

delete from listed using latest_item('listed') as twice
where listed.run = twice.run and listed.title = twice.title and listed.about = twice.about
    and listed.season is not distinct from twice.season and listed.episode is not distinct from twice.episode
    and listed.recency < twice.latest;

create table rated as
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    "type" as about, season, episode, rating as score, moment(rated_at) as scored_at,
    (place, dated(rated_at), position) as recency
from told('ratings', 'pages_ratings');

delete from rated using latest_item('rated') as twice
where rated.run = twice.run and rated.title = twice.title and rated.about = twice.about
    and rated.season is not distinct from twice.season and rated.episode is not distinct from twice.episode
    and rated.recency < twice.latest;

create table collected as
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    moment(collected_at) as collected_at, metadata, seasons, (place, dated(updated_at), position) as recency
from (
    from told('collection_movies', 'pages_collection_movies')
    union all
    from told('collection_shows', 'pages_collection_shows')
);

delete from collected using latest_title('collected') as twice
where collected.run = twice.run and collected.title = twice.title and collected.recency < twice.latest;

create table collected_parts as
with seasons as (
    select run, title, unnest(seasons) as season, generate_subscripts(seasons, 1) as place from collected where kind = 'show'
),
episodes as (
    select run, title, season.number as season, place,
        unnest(season.episodes) as episode, generate_subscripts(season.episodes, 1) as position
    from seasons
)
select run, title, season, episode.number as episode, moment(episode.collected_at) as collected_at, episode.metadata as metadata,
    (dated(collected_at), place, position) as recency
from episodes;

delete from collected_parts using latest_part('collected_parts') as twice
where collected_parts.run = twice.run and collected_parts.title = twice.title and collected_parts.season = twice.season
    and collected_parts.episode = twice.episode and collected_parts.recency < twice.latest;

-- Trakt's last answer, believed only while it still lies ahead of the run.
create table watching as
with answers as (select run, max(place) as place from files where endpoint = 'watching' group by run),
last as (
    select * from told('watching', 'pages_watching') semi join answers using (run, place)
    qualify row_number() over (partition by run order by position desc) = 1
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes,
    moment(last.started_at) as watching_since
from last join runs using (run)
where last.expires_at > runs.started_at;
