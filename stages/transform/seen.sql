-- seen: every Trakt title of the picture, with all that its endpoints tell of it.
-- Takes the facts. Gives `seen`: one row per run and Trakt title.

-- The endpoints hold cached copies of a title, so what one copy lacks is taken from another: the first endpoint in this
-- order that tells it, and of its differing copies the smallest (of aired episodes, which only grow, the largest).
create table seen as
with rows as (
    select 1 as source, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watched
    union all
    select 2, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from plays
    union all
    select 3, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from listed
    union all
    select 4, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from rated
    union all
    select 5, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from collected
    union all
    select 6, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", aired_episodes from watching
),
copies as (
    select run, title, source, any_value(kind) as kind, any_value(trakt_id) as trakt_id, min(imdb_id) as imdb_id, min(tmdb_id) as tmdb_id,
        min(tvdb_id) as tvdb_id, min(name) as name, min("year") as "year", max(aired_episodes) filter (aired_episodes > 0) as aired_episodes
    from rows
    group by run, title, source
)
select run, title, any_value(kind) as kind, any_value(trakt_id) as trakt_id, arg_min(imdb_id, source) as imdb_id,
    arg_min(tmdb_id, source) as tmdb_id, arg_min(tvdb_id, source) as tvdb_id, arg_min(name, source) as name,
    arg_min("year", source) as "year", arg_min(aired_episodes, source) as aired_episodes
from copies
group by run, title;
