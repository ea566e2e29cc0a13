-- entries: the user's titles, seasons, episodes and plays as Trakt's side of the application's tables.
-- Takes the facts, `trakt_titles`, `catalogue_titles`. Gives `library_entries`, `season_entries`, `episode_entries`,
-- `watches` (each with `run`, without run and user names) and `title_evidence`.
-- Two Trakt titles that are one catalogue title become one entry: plays added, episodes united, the earliest first and
-- the latest last date, the latest rating, list date and collection details, the strongest evidence.

create table resolved_titles as
select run, title, title_id, kind, trakt_id, match_rank, aired_episodes from trakt_titles where title_id is not null;

-- Watched episodes: those of the watched show and those of history. `counts` says whether it counts for the current
-- round: after a restart (`reset_at`) only what was watched since.
create table watched_episodes as
with played as (
    select run, title, season, episode, count(*) as plays, max(watched_at) as last_watched_at
    from plays
    where kind = 'show'
    group by run, title, season, episode
)
select run, title, season, episode, coalesce(o.plays, p.plays, 0) as plays,
    coalesce(p.last_watched_at, o.last_watched_at) as last_watched_at,
    coalesce(w.reset_at is null or greatest(p.last_watched_at, o.last_watched_at) >= w.reset_at, false) as counts
from played as p
full join watched_show_episodes as o using (run, title, season, episode)
left join watched_rows as w using (run, title);

create table watched_titles as
with played as (
    select run, title, count(*) as plays, min(watched_at) as first_watched_at, max(watched_at) as last_watched_at
    from plays
    group by run, title
)
select run, title, coalesce(w.plays, p.plays, 0) as plays,
    coalesce(p.first_watched_at, w.last_watched_at) as first_watched_at,
    coalesce(p.last_watched_at, w.last_watched_at) as last_watched_at
from played as p
full join (select run, title, plays, last_watched_at from watched_rows) as w using (run, title);

-- Evidence, strongest first; its date is the date of the status that it gives.
create table title_evidence as
with evidence as (
    select run, title, 1 as rank, 'watching' as evidence, watching_since as evidence_at from watching_rows
    union all
    select run, title, 2, 'watched', last_watched_at from watched_titles
    union all
    select run, title, 3, 'watchlist', max(listed_at) from listed group by run, title
    union all
    select run, title, 4, 'collection', collected_at from collected
    union all
    select run, title, 5, 'rating', scored_at from rated where about in ('movie', 'show')
    union all
    select run, title, 6, 'part rating', max(scored_at) from rated where about in ('season', 'episode') group by run, title
)
select run, title, rank, evidence, evidence_at
from evidence
qualify row_number() over (partition by run, title order by rank) = 1;

create table episode_entries as
with watched as (
    select t.run, t.title_id, e.season, e.episode, sum(e.plays)::bigint as plays, max(e.last_watched_at) as last_watched_at
    from watched_episodes as e join resolved_titles as t using (run, title)
    group by t.run, t.title_id, e.season, e.episode
),
scores as (
    select t.run, t.title_id, r.season, r.episode, r.score, r.scored_at
    from rated as r join resolved_titles as t using (run, title)
    where r.about = 'episode'
    qualify row_number() over (
        partition by t.run, t.title_id, r.season, r.episode order by r.scored_at desc nulls last, t.match_rank, t.trakt_id
    ) = 1
),
lists as (
    select t.run, t.title_id, l.season, l.episode, max(l.listed_at) as watchlisted_at
    from listed as l join resolved_titles as t using (run, title)
    where l.about = 'episode'
    group by t.run, t.title_id, l.season, l.episode
),
copies as (
    select t.run, t.title_id, c.season, c.episode, c.collected_at, c.metadata
    from collected_episodes as c join resolved_titles as t using (run, title)
    qualify row_number() over (
        partition by t.run, t.title_id, c.season, c.episode order by c.collected_at desc nulls last, t.match_rank, t.trakt_id
    ) = 1
)
select run, title_id, season, episode, coalesce(w.plays, 0) as plays, w.last_watched_at, s.score, s.scored_at, l.watchlisted_at,
    c.collected_at, c.metadata.media_type as media_type, c.metadata.resolution as resolution, c.metadata.hdr as hdr,
    c.metadata.audio as audio, c.metadata.audio_channels as audio_channels, c.metadata.is_3d as is_3d
from watched as w
full join scores as s using (run, title_id, season, episode)
full join lists as l using (run, title_id, season, episode)
full join copies as c using (run, title_id, season, episode);

create table season_entries as
with episodes as (
    select t.run, t.title_id, e.season, e.episode, sum(e.plays) as plays, max(e.last_watched_at) as last_watched_at,
        bool_or(e.counts) as counts
    from watched_episodes as e join resolved_titles as t using (run, title)
    group by t.run, t.title_id, e.season, e.episode
),
watched as (
    select run, title_id, season, count(*) filter (counts) as watched_episodes, sum(plays)::bigint as plays,
        max(last_watched_at) as last_watched_at
    from episodes
    group by run, title_id, season
),
scores as (
    select t.run, t.title_id, r.season, r.score, r.scored_at
    from rated as r join resolved_titles as t using (run, title)
    where r.about = 'season'
    qualify row_number() over (
        partition by t.run, t.title_id, r.season order by r.scored_at desc nulls last, t.match_rank, t.trakt_id
    ) = 1
),
lists as (
    select t.run, t.title_id, l.season, max(l.listed_at) as watchlisted_at
    from listed as l join resolved_titles as t using (run, title)
    where l.about = 'season'
    group by t.run, t.title_id, l.season
)
select run, title_id, season, coalesce(w.watched_episodes, 0) as watched_episodes, coalesce(w.plays, 0) as plays, w.last_watched_at,
    s.score, s.scored_at, l.watchlisted_at
from watched as w
full join scores as s using (run, title_id, season)
full join lists as l using (run, title_id, season);

create table library_entries as
with titles as (
    select run, title_id, any_value(kind) as kind, first(trakt_id order by match_rank, trakt_id) as trakt_id,
        max(aired_episodes) as aired_episodes
    from resolved_titles
    group by run, title_id
),
watched as (
    select t.run, t.title_id, sum(w.plays)::bigint as plays, min(w.first_watched_at) as first_watched_at,
        max(w.last_watched_at) as last_watched_at
    from watched_titles as w join resolved_titles as t using (run, title)
    group by t.run, t.title_id
),
progress as (
    select run, title_id, sum(watched_episodes)::bigint as watched_episodes
    from season_entries
    where season > 0
    group by run, title_id
),
scores as (
    select t.run, t.title_id, r.score, r.scored_at
    from rated as r join resolved_titles as t using (run, title)
    where r.about in ('movie', 'show')
    qualify row_number() over (
        partition by t.run, t.title_id order by r.scored_at desc nulls last, t.match_rank, t.trakt_id
    ) = 1
),
lists as (
    select t.run, t.title_id, max(l.listed_at) as watchlisted_at
    from listed as l join resolved_titles as t using (run, title)
    where l.about in ('movie', 'show')
    group by t.run, t.title_id
),
copies as (
    select t.run, t.title_id, c.collected_at, c.metadata
    from collected as c join resolved_titles as t using (run, title)
    qualify row_number() over (
        partition by t.run, t.title_id order by c.collected_at desc nulls last, t.match_rank, t.trakt_id
    ) = 1
),
evidence as (
    select t.run, t.title_id, e.rank, max(e.evidence_at) as evidence_at
    from title_evidence as e join resolved_titles as t using (run, title)
    group by t.run, t.title_id, e.rank
    qualify row_number() over (partition by t.run, t.title_id order by e.rank) = 1
),
watching as (
    select t.run, t.title_id, max(w.watching_since) as watching_since
    from watching_rows as w join resolved_titles as t using (run, title)
    group by t.run, t.title_id
),
entries as (
    select t.run, t.title_id, t.kind, t.trakt_id, e.rank, e.evidence_at as status_at, s.score, s.scored_at,
        coalesce(w.plays, 0) as plays,
        case when t.kind = 'show' then coalesce(p.watched_episodes, 0) end as watched_episodes,
        case when t.kind = 'show' then coalesce(t.aired_episodes, c.aired_episodes) end as aired_episodes,
        w.first_watched_at, w.last_watched_at, n.watching_since, l.watchlisted_at, k.collected_at, k.metadata
    from titles as t
    left join catalogue_titles as c using (title_id)
    left join watched as w using (run, title_id)
    left join progress as p using (run, title_id)
    left join scores as s using (run, title_id)
    left join lists as l using (run, title_id)
    left join copies as k using (run, title_id)
    left join evidence as e using (run, title_id)
    left join watching as n using (run, title_id)
)
select run, title_id, kind, trakt_id,
    case rank
        when 1 then 'active'
        when 2 then case when kind = 'show' and watched_episodes < aired_episodes then 'active' else 'finished' end
        when 3 then 'active'
        when 4 then 'finished'
        when 5 then 'finished'
        when 6 then 'active'
    end as status,
    status_at, score, scored_at, plays, watched_episodes, aired_episodes, first_watched_at, last_watched_at, watching_since,
    watchlisted_at, collected_at, metadata.media_type as media_type, metadata.resolution as resolution, metadata.hdr as hdr,
    metadata.audio as audio, metadata.audio_channels as audio_channels, metadata.is_3d as is_3d
from entries;

create table watches as
select p.run, p.history_id, t.title_id, p.season, p.episode, p.watched_at, p."action" as "action"
from plays as p join resolved_titles as t using (run, title);

-- One row per Trakt title of the picture: what it is in the catalogue, and why not.
create table outcomes as
select t.run, t.title, t.kind, t.trakt_id, t.imdb_id, t.tmdb_id, t.tvdb_id, t.name, t."year" as "year", t.title_id, t.matched_by,
    t.conflict, t.ambiguous, t.added, e.evidence, l.status,
    case when t.title_id is null then 'not in the catalogue' end as reason,
    case when t.title_id is not null and count(*) over (partition by t.run, t.title_id) > 1 then t.title_id end as merged,
    coalesce(p.plays, 0) as plays
from trakt_titles as t
left join title_evidence as e using (run, title)
left join library_entries as l using (run, title_id)
left join (select run, title, count(*) as plays from plays group by run, title) as p using (run, title);
