-- plays_per_month: how much each user watched in each month (UTC); a null month holds plays without a known date.
-- Takes latest_history. One row per user and month.
select "user",
    case when watched_at > timestamptz '1970-01-01 00:00:00+00' then date_trunc('month', watched_at)::date end as "month",
    count(*) filter (type = 'movie') as movie_plays,
    count(*) filter (type = 'episode') as episode_plays,
    count(*) as plays
from latest_history
group by all
order by "user", "month"
