-- ambiguous_titles: the titles that bear an id which another title of their kind bears, too (a TVDB id counts for shows only).
-- Takes, named in braces, the rows of a snapshot. Gives their `title_id`s.

with titles as not materialized (from {titles}),
bearers as (
    select title_id from titles
    semi join (select kind, trakt_id from titles where trakt_id is not null group by all having count(*) > 1) using (kind, trakt_id)
    union all
    select title_id from titles
    semi join (select kind, imdb_id from titles where imdb_id is not null group by all having count(*) > 1) using (kind, imdb_id)
    union all
    select title_id from titles
    semi join (select kind, tmdb_id from titles where tmdb_id is not null group by all having count(*) > 1) using (kind, tmdb_id)
    union all
    select title_id from titles
    semi join (select kind, tvdb_id from titles where kind = 'show' and tvdb_id is not null group by all having count(*) > 1) using (kind, tvdb_id)
)
select distinct title_id from bearers order by title_id
