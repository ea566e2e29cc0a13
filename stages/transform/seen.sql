-- seen: every Trakt title of the picture, with all that its endpoints tell of it.
-- Takes the facts. Gives `seen`: one row per run and Trakt title.
-- The endpoints hold cached copies of a title, so what one copy lacks is taken from another: from the first endpoint, in this
-- order, that tells it; of those that differ within it the smallest (of aired episodes, which only grow, the largest).

create macro copies(source, facts) as table
    select source as source, run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year",
        case when aired_episodes > 0 then aired_episodes end as aired, source * 1000000 - aired as aired_order
    from query_table(facts);

-- Most copies tell the same. Those of history, say, have no aired episodes: that alone makes none another.
create table versions as
with told_by as (
    from copies(1, 'watched')
    union all
    from copies(2, 'plays')
    union all
    from copies(3, 'listed')
    union all
    from copies(4, 'rated')
    union all
    from copies(5, 'collected')
    union all
    from copies(6, 'watching')
)
select run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year", min(source) as source,
    arg_min(aired, aired_order) as aired_episodes, min(aired_order) as aired_order
from told_by
group by run, title, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, name, "year";

create table unlike as
select run, title from versions group by run, title having count(*) > 1;

create table made_one as
select run, title, any_value(kind) as kind, any_value(trakt_id) as trakt_id, arg_min(imdb_id, (source, imdb_id)) as imdb_id,
    arg_min(tmdb_id, (source, tmdb_id)) as tmdb_id, arg_min(tvdb_id, (source, tvdb_id)) as tvdb_id,
    arg_min(name, (source, name)) as name, arg_min("year", (source, "year")) as "year",
    arg_min(aired_episodes, aired_order) as aired_episodes
from versions semi join unlike using (run, title)
group by run, title;

create view seen as
select * exclude (source, aired_order) from versions anti join unlike using (run, title)
union all
from made_one;
