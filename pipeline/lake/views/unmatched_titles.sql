-- unmatched_titles: titles that users have on Trakt and that the catalogue lacks, those of most users first.
-- As CSV it can be filled in (title_id) and given to `catalog load`.
-- Takes latest_outcomes. One row per title.
select null::varchar as title_id, kind, any_value(name) as name, any_value("year") as "year", trakt_id,
    any_value(imdb_id) as imdb_id, any_value(tmdb_id) as tmdb_id, any_value(tvdb_id) as tvdb_id,
    count(distinct "user") as users, list(distinct "user" order by "user") as who, sum(plays)::bigint as plays
from latest_outcomes
where title_id is null
group by kind, trakt_id, case when trakt_id is null then coalesce(imdb_id, 'tmdb ' || tmdb_id, 'tvdb ' || tvdb_id) end
order by users desc, plays desc, name
