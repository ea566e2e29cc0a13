-- schema: every table of the application database, the same on SQLite and PostgreSQL; read by schema.py, a column a line.
-- Version 1. `titles` is the application's catalogue: an import only reads it (but for --add-missing),
-- and it may be a view over tables of the application's own, made before this runs.

create table titles (
    title_id text primary key,
    kind text not null,
    name text not null,
    year bigint,
    trakt_id bigint,
    imdb_id text,
    tmdb_id bigint,
    tvdb_id bigint,
    aired_episodes bigint,
    updated_at timestamptz
);

create table trakt_accounts (
    user_id text primary key,
    trakt_username text,
    trakt_slug text not null,
    trakt_user_id bigint,
    nightly boolean not null default false,
    blocked_at timestamptz,
    last_run_id text,
    last_imported_at timestamptz
);

create table library_entries (
    user_id text not null,
    title_id text not null,
    kind text not null,
    trakt_id bigint,
    status text,
    score bigint,
    scored_at timestamptz,
    plays bigint not null default 0,
    watched_episodes bigint,
    aired_episodes bigint,
    first_watched_at timestamptz,
    last_watched_at timestamptz,
    watching_since timestamptz,
    watchlisted_at timestamptz,
    collected_at timestamptz,
    media_type text,
    resolution text,
    hdr text,
    audio text,
    audio_channels text,
    is_3d boolean,
    source text,
    run_id text,
    created_at timestamptz,
    updated_at timestamptz,
    primary key (user_id, title_id)
);

create table season_entries (
    user_id text not null,
    title_id text not null,
    season bigint not null,
    watched_episodes bigint not null default 0,
    plays bigint not null default 0,
    last_watched_at timestamptz,
    score bigint,
    scored_at timestamptz,
    watchlisted_at timestamptz,
    run_id text,
    updated_at timestamptz,
    primary key (user_id, title_id, season)
);

create table episode_entries (
    user_id text not null,
    title_id text not null,
    season bigint not null,
    episode bigint not null,
    plays bigint not null default 0,
    last_watched_at timestamptz,
    score bigint,
    scored_at timestamptz,
    watchlisted_at timestamptz,
    collected_at timestamptz,
    media_type text,
    resolution text,
    hdr text,
    audio text,
    audio_channels text,
    is_3d boolean,
    run_id text,
    updated_at timestamptz,
    primary key (user_id, title_id, season, episode)
);

create table watches (
    user_id text not null,
    history_id bigint not null,
    title_id text not null,
    season bigint,
    episode bigint,
    watched_at timestamptz,
    action text,
    run_id text,
    primary key (user_id, history_id)
);

create table import_runs (
    run_id text primary key,
    batch_id text,
    user_id text not null,
    trakt_username text,
    trakt_slug text,
    source text,
    mode text,
    status text,
    catalog_snapshot text,
    requested_at timestamptz,
    finished_at timestamptz,
    imported_count bigint,
    skipped_count bigint,
    error_count bigint
);

create table schema_version (
    version bigint not null
);
