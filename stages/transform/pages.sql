-- pages: the columns that transform reads of each staged endpoint.
-- Takes nothing. Gives `no_<endpoint>`, relations without rows, joined by name with the files of the picture: an
-- endpoint without a file and a file of an older version, which lacks a column, both read as null.

create table no_watched_movies (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    plays bigint, last_watched_at timestamptz, last_updated_at timestamptz,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint))
);
create table no_watched_shows (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    plays bigint, last_watched_at timestamptz, last_updated_at timestamptz, reset_at timestamptz,
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    seasons struct(number bigint, episodes struct(number bigint, plays bigint, last_watched_at timestamptz)[])[]
);
create table no_history (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    id bigint, watched_at timestamptz, "action" varchar, "type" varchar,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint)),
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    episode struct(season bigint, number bigint)
);
create table no_watchlist (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    listed_at timestamptz, "type" varchar,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint)),
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    season struct(number bigint),
    episode struct(season bigint, number bigint)
);
create table no_ratings (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    rated_at timestamptz, rating bigint, "type" varchar,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint)),
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    season struct(number bigint),
    episode struct(season bigint, number bigint)
);
create table no_collection_movies (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    collected_at timestamptz, updated_at timestamptz,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint)),
    metadata struct(media_type varchar, resolution varchar, hdr varchar, audio varchar, audio_channels varchar, is_3d boolean)
);
create table no_collection_shows (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    last_collected_at timestamptz, last_updated_at timestamptz,
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    seasons struct(number bigint, episodes struct(number bigint, collected_at timestamptz,
        metadata struct(media_type varchar, resolution varchar, hdr varchar, audio varchar, audio_channels varchar, is_3d boolean))[])[]
);
create table no_watching (
    trakt_slug varchar, run_id varchar, page bigint, position bigint, fetched_at timestamptz,
    expires_at timestamptz, started_at timestamptz, "type" varchar,
    movie struct(title varchar, "year" bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint)),
    "show" struct(title varchar, "year" bigint, aired_episodes bigint, ids struct(trakt bigint, imdb varchar, tmdb bigint, tvdb bigint)),
    episode struct(season bigint, number bigint)
);
