-- pages: what transform reads of the staged files, one relation for each endpoint.
-- Takes, named in braces, the staged rows of all pictures with `file_index` and `file_row_number`, or `no_<endpoint>`.
-- Gives `pages_<endpoint>`, each with `type`, `movie` and `show`: the type says which of the two the row is about.

create or replace view pages_watched_movies as
select file_index, file_row_number, 'movie' as "type", movie, null::told_show as "show",
    plays, last_watched_at, last_updated_at, null::timestamptz as reset_at, null::watched_season[] as seasons
from {watched_movies};

create or replace view pages_watched_shows as
select file_index, file_row_number, 'show' as "type", null::told_movie as movie, "show",
    plays, last_watched_at, last_updated_at, reset_at, seasons
from {watched_shows};

create or replace view pages_history as
select file_index, file_row_number, "type", movie, "show", id as history_id, watched_at, "action",
    case "type" when 'episode' then episode.season end as season, case "type" when 'episode' then episode.number end as episode
from {history};

create or replace view pages_watchlist as
select file_index, file_row_number, "type", movie, "show", listed_at,
    case "type" when 'season' then season.number when 'episode' then episode.season end as season,
    case "type" when 'episode' then episode.number end as episode
from {watchlist};

create or replace view pages_ratings as
select file_index, file_row_number, "type", movie, "show", rating, rated_at,
    case "type" when 'season' then season.number when 'episode' then episode.season end as season,
    case "type" when 'episode' then episode.number end as episode
from {ratings};

create or replace view pages_collection_movies as
select file_index, file_row_number, 'movie' as "type", movie, null::told_show as "show",
    collected_at, updated_at, metadata, null::collected_season[] as seasons
from {collection_movies};

create or replace view pages_collection_shows as
select file_index, file_row_number, 'show' as "type", null::told_movie as movie, "show",
    last_collected_at as collected_at, last_updated_at as updated_at, null::media as metadata, seasons
from {collection_shows};

create or replace view pages_watching as
select file_index, file_row_number, "type", movie, "show", expires_at, started_at
from {watching};
