-- season_entries: what becomes of every season's row; see library_entries.

create table decided as
with sides as (
    select t, b, o, b.title_id is not null as has_base, o.title_id is not null as has_ours, t.overwrite as overwrite,
        coalesce(t.scored_at > o.updated_at, false) as newer_score,
        coalesce(t.last_watched_at > o.updated_at, false) as newer_watch,
        coalesce(t.watchlisted_at > o.updated_at, false) as newer_list
    from theirs as t
    left join base as b using (user_id, title_id, season)
    left join ours as o using (user_id, title_id, season)
)
select t.run as run, t.user_id as user_id, t.title_id as title_id, t.season as season,
    has_base, has_ours, overwrite, t.leaves as leaves,
    coalesce(merged(t.watched_episodes, b.watched_episodes, counted(o.watched_episodes, has_base), has_base, newer_watch, overwrite), 0)
        as watched_episodes,
    coalesce(merged(t.plays, b.plays, counted(o.plays, has_base), has_base, newer_watch, overwrite), 0) as plays,
    merged(t.last_watched_at, b.last_watched_at, o.last_watched_at, has_base, newer_watch, overwrite) as last_watched_at,
    merged(t.score, b.score, o.score, has_base, newer_score, overwrite) as score,
    merged(t.scored_at, b.scored_at, o.scored_at, has_base, newer_score, overwrite) as scored_at,
    merged(t.watchlisted_at, b.watchlisted_at, o.watchlisted_at, has_base, newer_list, overwrite) as watchlisted_at,
    list_filter([
        case when kept(t.watched_episodes, b.watched_episodes, counted(o.watched_episodes, has_base), has_base, newer_watch, overwrite)
            then 'watched_episodes' end,
        case when kept(t.plays, b.plays, counted(o.plays, has_base), has_base, newer_watch, overwrite) then 'plays' end,
        case when kept(t.last_watched_at, b.last_watched_at, o.last_watched_at, has_base, newer_watch, overwrite) then 'last_watched_at' end,
        case when kept(t.score, b.score, o.score, has_base, newer_score, overwrite) then 'score' end,
        case when kept(t.scored_at, b.scored_at, o.scored_at, has_base, newer_score, overwrite) then 'scored_at' end,
        case when kept(t.watchlisted_at, b.watchlisted_at, o.watchlisted_at, has_base, newer_list, overwrite) then 'watchlisted_at' end
    ], lambda x: x is not null) as kept,
    (t.watched_episodes, t.plays, t.last_watched_at, t.score, t.scored_at, t.watchlisted_at) is distinct from
    (b.watched_episodes, b.plays, b.last_watched_at, b.score, b.scored_at, b.watchlisted_at) as fact_changed
from sides;
