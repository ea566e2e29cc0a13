-- entries: the user's titles, seasons, episodes and plays as Trakt's side of the application's tables.
-- Takes the facts and `trakt_titles`. Gives `title_facts`, and `library_entries`, `season_entries`,
-- `episode_entries`, `watches` (each with `run`, without run and user names) and `outcomes`.
-- Two Trakt titles that are one catalogue title become one entry: plays added, episodes united, the earliest first and
-- the latest last date, the latest rating, list date and collection details, the larger aired, the strongest evidence.

-- Watched episodes: those of the watched show and those of history. `counts` says whether it counts for the current
-- round: after a restart (`reset_at`) only what was watched since.
create table watched_episodes as
with played as (
    select run, title, season, episode, count(*) as plays, max(watched_at) as last_watched_at
    from plays
    where kind = 'show'
    group by run, title, season, episode
),
each_title as (
    select run, title, season, episode, coalesce(s.plays, p.plays, 0) as plays,
        coalesce(p.last_watched_at, s.last_watched_at) as last_watched_at,
        coalesce(w.reset_at is null or greatest(p.last_watched_at, s.last_watched_at) >= w.reset_at, false) as counts
    from played as p
    full join watched_parts as s using (run, title, season, episode)
    left join watched as w using (run, title)
)
select run, t.entry, season, episode, sum(e.plays)::bigint as plays, max(e.last_watched_at) as last_watched_at,
    bool_or(e.counts) as counts
from each_title as e join trakt_titles as t using (run, title)
where t.entry is not null
group by run, t.entry, season, episode;

-- Every Trakt title with all that is known of it as a whole, and the strongest evidence for it. Its date is that of the status.
create table title_facts as
with played as (
    select run, title, count(*) as plays, min(watched_at) as first_watched_at, max(watched_at) as last_watched_at
    from plays
    group by run, title
),
lists as (
    select run, title, max(listed_at) as any_listed_at, max(listed_at) filter (about in ('movie', 'show')) as watchlisted_at
    from listed
    group by run, title
),
own as (select run, title, score, scored_at from rated where about in ('movie', 'show')),
parts as (select run, title, max(scored_at) as scored_at from rated where about in ('season', 'episode') group by run, title),
progress as (
    select run, entry, count(*) as watched_episodes from watched_episodes where season > 0 and counts group by run, entry
),
facts as (
    select t.*, p.plays as history_plays, case t.kind when 'show' then coalesce(g.watched_episodes, 0) end as watched_episodes,
        case when w.title is not null or p.title is not null then coalesce(w.plays, p.plays, 0) end as plays,
        coalesce(p.first_watched_at, w.last_watched_at) as first_watched_at,
        coalesce(p.last_watched_at, w.last_watched_at) as last_watched_at,
        o.score, o.scored_at, l.watchlisted_at, n.watching_since, c.title is not null as is_collected, c.collected_at, c.metadata,
        case when n.title is not null then 'watching'::evidence
            when w.title is not null or p.title is not null then 'watched'::evidence
            when l.title is not null then 'watchlist'::evidence
            when c.title is not null then 'collection'::evidence
            when o.title is not null then 'rating'::evidence
            else 'part rating'::evidence end as evidence,
        case evidence when 'watching' then n.watching_since when 'watched' then coalesce(p.last_watched_at, w.last_watched_at)
            when 'watchlist' then l.any_listed_at when 'collection' then c.collected_at when 'rating' then o.scored_at
            else r.scored_at end as evidence_at
    from trakt_titles as t
    left join watched as w using (run, title)
    left join played as p using (run, title)
    left join lists as l using (run, title)
    left join own as o using (run, title)
    left join parts as r using (run, title)
    left join collected as c using (run, title)
    left join watching as n using (run, title)
    left join progress as g using (run, entry)
)
select *, case when entry is not null and merged is null
    then status_of(evidence, watched_episodes, coalesce(aired_episodes, catalogue_aired)) end as status
from facts;

create view title_entries as
select run, title, entry, precedence, title_id, kind, trakt_id from title_facts;

-- Seasons and episodes that were rated or listed themselves.
create table parts as
with told as (
    select run, title, about, season, episode, score, scored_at, null::timestamptz as listed_at from rated
    union all
    select run, title, about, season, episode, null, null, listed_at from listed
)
select run, t.entry, about, season, episode, arg_max(score, recency(scored_at, t.precedence)) as score,
    max(scored_at) as scored_at, max(listed_at) as watchlisted_at
from told join title_entries as t using (run, title)
where about in ('season', 'episode') and t.entry is not null
group by run, t.entry, about, season, episode;

create view entries as
select run, entry, title_id, kind, trakt_id from title_entries where precedence = 1;

create table episode_entries as
with copies as (
    select run, t.entry, season, episode, max(collected_at) as collected_at,
        arg_max_null(metadata, recency(collected_at, t.precedence)) as metadata
    from collected_parts join title_entries as t using (run, title)
    where t.entry is not null
    group by run, t.entry, season, episode
)
select run, e.title_id, season, episode, coalesce(w.plays, 0) as plays, w.last_watched_at, p.score, p.scored_at, p.watchlisted_at,
    c.collected_at, c.metadata.media_type as media_type, c.metadata.resolution as resolution, c.metadata.hdr as hdr,
    c.metadata.audio as audio, c.metadata.audio_channels as audio_channels, c.metadata.is_3d as is_3d
from watched_episodes as w
full join (from parts where about = 'episode') as p using (run, entry, season, episode)
full join copies as c using (run, entry, season, episode)
join entries as e using (run, entry);

create table season_entries as
with watched as (
    select run, entry, season, count(*) filter (counts) as watched_episodes, sum(plays)::bigint as plays,
        max(last_watched_at) as last_watched_at
    from watched_episodes
    group by run, entry, season
)
select run, e.title_id, season, coalesce(w.watched_episodes, 0) as watched_episodes, coalesce(w.plays, 0) as plays, w.last_watched_at,
    p.score, p.scored_at, p.watchlisted_at
from watched as w
full join (from parts where about = 'season') as p using (run, entry, season)
join entries as e using (run, entry);

-- The few entries that are several Trakt titles.
create table united as
with strongest as (select run, entry, min(evidence) as strongest from title_facts where merged is not null group by run, entry),
together as (
    select run, entry, any_value(title_id) as title_id, any_value(kind) as kind,
        any_value(trakt_id) filter (precedence = 1) as trakt_id,
        any_value(strongest) as evidence, max(evidence_at) filter (evidence = strongest) as status_at,
        arg_max(score, recency(scored_at, precedence)) as score, max(scored_at) as scored_at,
        coalesce(sum(plays), 0)::bigint as plays, any_value(watched_episodes) as watched_episodes,
        coalesce(max(aired_episodes), any_value(catalogue_aired)) as aired_episodes,
        min(first_watched_at) as first_watched_at, max(last_watched_at) as last_watched_at,
        max(watching_since) as watching_since, max(watchlisted_at) as watchlisted_at, max(collected_at) as collected_at,
        arg_max_null(metadata, recency(collected_at, precedence)) filter (is_collected) as metadata
    from title_facts join strongest using (run, entry)
    group by run, entry
)
select *, status_of(evidence, watched_episodes, aired_episodes) as status from together;

create view library_entries as
with alone as (
    select run, title_id, kind, trakt_id, status, evidence_at as status_at, score, scored_at, coalesce(plays, 0) as plays,
        watched_episodes, coalesce(aired_episodes, catalogue_aired) as aired_episodes, first_watched_at, last_watched_at,
        watching_since, watchlisted_at, collected_at, metadata
    from title_facts
    where entry is not null and merged is null
),
both_kinds as (
    from alone
    union all by name
    select * exclude (entry, evidence) from united
)
select * exclude (metadata) replace (kind::varchar as kind, case kind when 'show' then aired_episodes end as aired_episodes),
    metadata.media_type as media_type, metadata.resolution as resolution, metadata.hdr as hdr,
    metadata.audio as audio, metadata.audio_channels as audio_channels, metadata.is_3d as is_3d
from both_kinds;

create table watches as
select run, p.history_id, t.title_id, p.season, p.episode, p.watched_at, p."action" as "action"
from plays as p join title_entries as t using (run, title)
where t.title_id is not null;

-- One row per Trakt title of the picture: what it is in the catalogue, and why not.
create view outcomes as
select run, f.title, f.kind::varchar as kind, f.trakt_id, f.imdb_id, f.tmdb_id, f.tvdb_id, f.name, f."year" as "year", f.title_id,
    f.matched_by, f.conflict, f.ambiguous, f.added, f.evidence::varchar as evidence, coalesce(f.status, u.status) as status,
    case when f.title_id is null then 'not in the catalogue' end as reason, f.merged, coalesce(f.history_plays, 0) as plays
from title_facts as f left join united as u using (run, entry);
