-- episode_entries: what becomes of every episode's row; see library_entries.

create table decided as
with sides as (
    select t, b, o, b.title_id is not null as has_base, o.title_id is not null as has_ours, t.overwrite as overwrite,
        coalesce(t.scored_at > o.updated_at, false) as newer_score,
        coalesce(t.last_watched_at > o.updated_at, false) as newer_watch,
        coalesce(t.collected_at > o.updated_at, false) as newer_copy,
        coalesce(t.watchlisted_at > o.updated_at, false) as newer_list
    from theirs as t
    left join base as b using (user_id, title_id, season, episode)
    left join ours as o using (user_id, title_id, season, episode)
)
select t.run as run, t.user_id as user_id, t.title_id as title_id, t.season as season, t.episode as episode,
    has_base, has_ours, overwrite, t.leaves as leaves,
    coalesce(merged(t.plays, b.plays, counted(o.plays, has_base), has_base, newer_watch, overwrite), 0) as plays,
    merged(t.last_watched_at, b.last_watched_at, o.last_watched_at, has_base, newer_watch, overwrite) as last_watched_at,
    merged(t.score, b.score, o.score, has_base, newer_score, overwrite) as score,
    merged(t.scored_at, b.scored_at, o.scored_at, has_base, newer_score, overwrite) as scored_at,
    merged(t.watchlisted_at, b.watchlisted_at, o.watchlisted_at, has_base, newer_list, overwrite) as watchlisted_at,
    merged(t.collected_at, b.collected_at, o.collected_at, has_base, newer_copy, overwrite) as collected_at,
    merged(t.media_type, b.media_type, o.media_type, has_base, newer_copy, overwrite) as media_type,
    merged(t.resolution, b.resolution, o.resolution, has_base, newer_copy, overwrite) as resolution,
    merged(t.hdr, b.hdr, o.hdr, has_base, newer_copy, overwrite) as hdr,
    merged(t.audio, b.audio, o.audio, has_base, newer_copy, overwrite) as audio,
    merged(t.audio_channels, b.audio_channels, o.audio_channels, has_base, newer_copy, overwrite) as audio_channels,
    merged(t.is_3d, b.is_3d, o.is_3d, has_base, newer_copy, overwrite) as is_3d,
    list_filter([
        case when kept(t.plays, b.plays, counted(o.plays, has_base), has_base, newer_watch, overwrite) then 'plays' end,
        case when kept(t.last_watched_at, b.last_watched_at, o.last_watched_at, has_base, newer_watch, overwrite) then 'last_watched_at' end,
        case when kept(t.score, b.score, o.score, has_base, newer_score, overwrite) then 'score' end,
        case when kept(t.scored_at, b.scored_at, o.scored_at, has_base, newer_score, overwrite) then 'scored_at' end,
        case when kept(t.watchlisted_at, b.watchlisted_at, o.watchlisted_at, has_base, newer_list, overwrite) then 'watchlisted_at' end,
        case when kept(t.collected_at, b.collected_at, o.collected_at, has_base, newer_copy, overwrite) then 'collected_at' end,
        case when kept(t.media_type, b.media_type, o.media_type, has_base, newer_copy, overwrite) then 'media_type' end,
        case when kept(t.resolution, b.resolution, o.resolution, has_base, newer_copy, overwrite) then 'resolution' end,
        case when kept(t.hdr, b.hdr, o.hdr, has_base, newer_copy, overwrite) then 'hdr' end,
        case when kept(t.audio, b.audio, o.audio, has_base, newer_copy, overwrite) then 'audio' end,
        case when kept(t.audio_channels, b.audio_channels, o.audio_channels, has_base, newer_copy, overwrite) then 'audio_channels' end,
        case when kept(t.is_3d, b.is_3d, o.is_3d, has_base, newer_copy, overwrite) then 'is_3d' end
    ], lambda x: x is not null) as kept,
    (t.plays, t.last_watched_at, t.score, t.scored_at, t.watchlisted_at, t.collected_at) is distinct from
    (b.plays, b.last_watched_at, b.score, b.scored_at, b.watchlisted_at, b.collected_at) as fact_changed
from sides;
