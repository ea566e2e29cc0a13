-- time_to_finish: how long each user took to see every aired episode of a show, from the first play to the play that
-- completed it; specials left out, rewatches do not count.
-- Takes latest_library_entries, latest_watches, latest_outcomes. One row per user and finished show of the catalogue.
with finished as (
    select "user", user_id, title_id
    from latest_library_entries
    where kind = 'show' and plays > 0 and watched_episodes >= aired_episodes
),
first_plays as (
    select user_id, title_id, season, episode, min(watched_at) as seen_at
    from latest_watches
    where season > 0
    group by all
),
names as (
    select user_id, title_id, any_value(name) as name, any_value("year") as "year"
    from latest_outcomes
    where title_id is not null
    group by all
)
select f."user", f.title_id, n.name, n."year", count(*) as episodes, min(p.seen_at) as started_at,
    max(p.seen_at) as finished_at, date_diff('day', min(p.seen_at), max(p.seen_at)) as days
from finished as f
join first_plays as p using (user_id, title_id)
left join names as n using (user_id, title_id)
group by all
order by "user", name
