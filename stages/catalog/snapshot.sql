-- snapshot: the catalogue as runs are resolved against it.
-- Takes `titles` (the database's rows). Gives the rows of `titles.parquet`: an id that can
-- never match (0, "", a broken IMDb id) is null, so that no join has to ask again.

select
    title_id,
    lower(trim(kind)) as kind,
    name,
    "year",
    case when trakt_id > 0 then trakt_id end as trakt_id,
    case when regexp_matches(lower(trim(imdb_id)), '^tt[0-9]{5,}$') then lower(trim(imdb_id)) end as imdb_id,
    case when tmdb_id > 0 then tmdb_id end as tmdb_id,
    case when tvdb_id > 0 then tvdb_id end as tvdb_id,
    case when aired_episodes > 0 then aired_episodes end as aired_episodes
from (
    select cast(title_id as varchar) as title_id, kind, name, try_cast("year" as bigint) as "year",
        try_cast(trakt_id as bigint) as trakt_id, cast(imdb_id as varchar) as imdb_id, try_cast(tmdb_id as bigint) as tmdb_id,
        try_cast(tvdb_id as bigint) as tvdb_id, try_cast(aired_episodes as bigint) as aired_episodes
    from titles
)
where title_id <> ''
order by kind, trakt_id, title_id
