-- seen: every Trakt title of the picture, with all that its endpoints tell of it.
-- Takes the facts. Gives `seen`: one row per run and Trakt title.

-- One copy for each endpoint: of those that differ the smallest (of aired episodes, which only grow, the largest).
create macro copies(source, facts) as table
    select source as source, run, title, any_value(kind) as kind, any_value(trakt_id) as trakt_id, min(imdb_id) as imdb_id,
        min(tmdb_id) as tmdb_id, min(tvdb_id) as tvdb_id, min(name) as name, min("year") as "year",
        max(aired_episodes) filter (aired_episodes > 0) as aired_episodes
    from query_table(facts)
    group by run, title;

-- The same where a title has one row at most.
create macro copy_of_each(source, facts) as table
    select source as source, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year",
        case when aired_episodes > 0 then aired_episodes end as aired_episodes
    from query_table(facts);

-- The endpoints hold cached copies of a title, so what one copy lacks is taken from another: the first endpoint in this
-- order that tells it.
create table seen as
with told_by as (
    from copy_of_each(1, 'watched')
    union all
    from copies(2, 'plays')
    union all
    from copies(3, 'listed')
    union all
    from copies(4, 'rated')
    union all
    from copy_of_each(5, 'collected')
    union all
    from copy_of_each(6, 'watching')
)
select run, title, any_value(kind) as kind, any_value(trakt_id) as trakt_id, arg_min(imdb_id, source) as imdb_id,
    arg_min(tmdb_id, source) as tmdb_id, arg_min(tvdb_id, source) as tvdb_id, arg_min(name, source) as name,
    arg_min("year", source) as "year", arg_min(aired_episodes, source) as aired_episodes
from told_by
group by run, title;
