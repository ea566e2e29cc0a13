-- unfinished_shows: shows that a user began and has not finished: some aired episode is unseen (specials left out).
-- Shows that the catalogue lacks are in it too, with in_catalogue = false and no title_id; what they have seen of those
-- is counted as Trakt lists it. A show whose number of aired episodes nobody knows cannot be told, and is left out.
-- Takes latest_outcomes, latest_library_entries, latest_watched_shows, latest_history. One row per user and show.
with known as (
    select l."user", any_value(o.name) as name, any_value(o."year") as "year", any_value(o.trakt_id) as trakt_id,
        l.title_id, true as in_catalogue, l.watched_episodes, l.aired_episodes,
        l.first_watched_at as started_at, l.last_watched_at
    from latest_library_entries as l
    join latest_outcomes as o using (user_id, title_id)
    where l.kind = 'show' and l.plays > 0
    group by all
),
started as (
    select "user", "show".ids as ids,
        min(watched_at) filter (watched_at > timestamptz '1970-01-01 00:00:00+00') as started_at
    from latest_history
    where type = 'episode'
    group by all
),
unknown as (
    select o."user", o.name, o."year", o.trakt_id, null as title_id, false as in_catalogue,
        list_sum(list_transform(list_filter(w.seasons, lambda s: s.number > 0), lambda s: len(s.episodes)))::bigint as watched_episodes,
        w."show".aired_episodes as aired_episodes, s.started_at, w.last_watched_at
    from latest_outcomes as o
    join latest_watched_shows as w
        on w."user" = o."user" and w."show".ids.trakt is not distinct from o.trakt_id
        and (o.trakt_id is not null or w."show".ids.imdb is not distinct from o.imdb_id)
    left join started as s
        on s."user" = o."user" and s.ids.trakt is not distinct from o.trakt_id
        and (o.trakt_id is not null or s.ids.imdb is not distinct from o.imdb_id)
    where o.kind = 'show' and o.title_id is null
)
select * from known where watched_episodes < aired_episodes
union all by name
select * from unknown where watched_episodes < aired_episodes
order by "user", name
