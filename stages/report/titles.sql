-- titles: every Trakt title of a run: what became of it, by which id it was matched, and why not.
-- Takes `outcomes` (resolved) and `loaded` (loaded/outcomes) of one run. Gives a row per title, by name.

select o.kind, coalesce(o.name, o.kind || ' ' || coalesce(o.trakt_id::varchar, o.imdb_id, o.tmdb_id::varchar, o.tvdb_id::varchar)) as name,
    o."year" as "year", o.trakt_id, o.imdb_id, o.tmdb_id, o.tvdb_id, l.outcome, o.status, o.evidence, o.title_id, o.matched_by, o.conflict, o.ambiguous, l.kept, o.reason
from outcomes as o
join (select title, outcome, kept from loaded) as l using (title)
order by lower(o.name), o."year" nulls last, o.kind, o.title
