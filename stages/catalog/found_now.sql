-- found_now: how many of the wanted titles the catalogue has by now.
-- Takes `titles` and `wanted_titles` (place, kind, trakt_id, imdb_id, tmdb_id, tvdb_id). Gives one number.

select count(distinct found.place)
from (
    select w.place from wanted_titles as w join titles as t on t.kind = w.kind and t.trakt_id = w.trakt_id
    union all
    select w.place from wanted_titles as w join titles as t on t.kind = w.kind and t.imdb_id = w.imdb_id
    union all
    select w.place from wanted_titles as w join titles as t on t.kind = w.kind and t.tmdb_id = w.tmdb_id
    union all
    select w.place from wanted_titles as w join titles as t on t.kind = w.kind and t.tvdb_id = w.tvdb_id
    where w.kind = 'show'
) as found
