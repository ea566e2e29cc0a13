-- shapes: what a staged row looks like, as far as transform reads it.
-- Gives `no_<endpoint>`, relations without rows, for an endpoint that no picture holds, and to complete files of an
-- older version, which lack a column: both read as null.

create type told_movie as struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint));
create type told_show as struct(
    title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)
);
create type told_season as struct(number bigint);
create type told_episode as struct(season bigint, number bigint);
create type watched_season as struct(number bigint, episodes struct(number bigint, plays bigint, last_watched_at timestamptz)[]);
create type media as struct(
    media_type varchar, resolution varchar, hdr varchar, audio varchar, audio_channels varchar, is_3d boolean
);
create type collected_season as struct(number bigint, episodes struct(number bigint, collected_at timestamptz, metadata media)[]);

create view nothing as select 0::ubigint as file_index, 0::bigint as file_row_number where false;

create view no_watched_movies as
select *, null::told_movie as movie, null::bigint as plays, null::timestamptz as last_watched_at,
    null::timestamptz as last_updated_at
from nothing;

create view no_watched_shows as
select *, null::told_show as "show", null::bigint as plays, null::timestamptz as last_watched_at,
    null::timestamptz as last_updated_at, null::timestamptz as reset_at, null::watched_season[] as seasons
from nothing;

create view no_history as
select *, null::varchar as "type", null::told_movie as movie, null::told_show as "show", null::told_episode as episode,
    null::bigint as id, null::timestamptz as watched_at, null::varchar as "action"
from nothing;

create view no_watchlist as
select *, null::varchar as "type", null::told_movie as movie, null::told_show as "show", null::told_season as season,
    null::told_episode as episode, null::timestamptz as listed_at
from nothing;

create view no_ratings as
select *, null::varchar as "type", null::told_movie as movie, null::told_show as "show", null::told_season as season,
    null::told_episode as episode, null::timestamptz as rated_at, null::bigint as rating
from nothing;

create view no_collection_movies as
select *, null::told_movie as movie, null::timestamptz as collected_at, null::timestamptz as updated_at,
    null::media as metadata
from nothing;

create view no_collection_shows as
select *, null::told_show as "show", null::timestamptz as last_collected_at, null::timestamptz as last_updated_at,
    null::collected_season[] as seasons
from nothing;

create view no_watching as
select *, null::varchar as "type", null::told_movie as movie, null::told_show as "show", null::told_episode as episode,
    null::timestamptz as expires_at, null::timestamptz as started_at
from nothing;
