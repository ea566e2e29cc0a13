-- freshness: how old each user's picture is.
-- Takes the newest completed runs and latest_history. One row per user of the application.
select p.trakt_slug as "user", p.user_id, p.run_id as run, p.completed_at::timestamptz as completed_at,
    round(epoch(now() - p.completed_at::timestamptz) / 86400, 1) as days_old,
    max(h.watched_at) as newest_play_at
from files.pictures as p
left join latest_history as h on h."user" = p.trakt_slug
group by all
order by completed_at
