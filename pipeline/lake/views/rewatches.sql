-- rewatches: movies and episodes that a user watched more than once.
-- Takes latest_history. One row per user and movie or episode.
select "user", type as kind, coalesce("show".title, movie.title) as name, episode.season as season,
    episode.number as episode, count(*) as plays,
    min(watched_at) filter (watched_at > timestamptz '1970-01-01 00:00:00+00') as first_watched_at,
    max(watched_at) filter (watched_at > timestamptz '1970-01-01 00:00:00+00') as last_watched_at
from latest_history
group by "user", type, name, movie.ids, "show".ids, season, episode.number
having count(*) > 1
order by plays desc, "user", name, season, episode
