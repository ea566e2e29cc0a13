-- report: the lists of a report and the figures that its equations need, for every run of a batch.
-- Takes `runs` (run_id), `inputs` (by_run_id, endpoint, run_id), `outcomes`, `loaded`, `kept_values`, `resolved_<table>` of these
-- runs, `all_rejected`, `all_history` of the runs that the pictures stand on, and `titles` (title_id, name) of the catalogue.
-- Each statement below is one list or figure, named by the view it gives; its first column is `run_id`.

create view not_in_catalogue as
select run_id, kind, name, "year", trakt_id, imdb_id, tmdb_id, tvdb_id, evidence
from outcomes where title_id is null order by run_id, kind, name, trakt_id;

create view conflicts as
select run_id, kind, name, trakt_id, title_id, matched_by, conflict as also
from outcomes where conflict is not null order by run_id, kind, name, trakt_id;

create view ambiguous as
select run_id, kind, name, trakt_id, title_id, ambiguous as titles
from outcomes where ambiguous is not null order by run_id, kind, name, trakt_id;

create view merged as
select run_id, title_id, kind, list(name order by trakt_id) as names, list(trakt_id order by trakt_id) as trakt_ids
from outcomes where merged is not null group by run_id, title_id, kind order by run_id, title_id;

create view matched_by as
select run_id, coalesce(matched_by, 'added') as id, count(*) as titles
from outcomes where title_id is not null
group by run_id, id order by run_id, list_position(['trakt', 'imdb', 'tmdb', 'tvdb', 'added'], id);

create view newly_matched as
select run_id, kind, name, trakt_id, title_id, matched_by
from outcomes where known_before and title_id_before is null and title_id is not null order by run_id, kind, name, trakt_id;

create view moved as
select run_id, kind, name, trakt_id, title_id_before, title_id
from outcomes where title_id_before <> title_id order by run_id, kind, name, trakt_id;

create view kept as
with names as (
    select run_id, title_id, min_by((kind, name), trakt_id) as known
    from loaded semi join kept_values using (run_id, title_id)
    group by run_id, title_id
)
select k.run_id, n.known[1] as kind, n.known[2] as name, k.title_id, k."table", k.season, k.episode, k.history_id, k."column",
    k.ours, k.theirs, strftime(k.ours_at, '%Y-%m-%dT%H:%M:%SZ') as ours_at,
    strftime(k.theirs_at, '%Y-%m-%dT%H:%M:%SZ') as theirs_at, k.why
from kept_values as k
left join names as n using (run_id, title_id)
order by run_id, kind, name, k.title_id, k.season nulls first, k.episode nulls first, k.history_id, k."column";

create view gone as
with rows as (
    select run_id, 'library_entries' as "table", title_id, null::bigint as season, null::bigint as episode,
        null::bigint as history_id
    from resolved_library_entries where gone
    union all
    select run_id, 'season_entries', title_id, season, null, null from resolved_season_entries where gone
    union all
    select run_id, 'episode_entries', title_id, season, episode, null from resolved_episode_entries where gone
    union all
    select run_id, 'watches', title_id, season, episode, history_id from resolved_watches where gone
)
select run_id, "table", name, title_id, season, episode, history_id
from rows left join titles using (title_id)
order by all;

create view rejected_records as
select i.by_run_id as run_id, r.endpoint, min(page) as page, min("position") as "position", parent, path, reason, raw
from ((select null::varchar as parent limit 0) union all by name (from all_rejected)) as r -- older files know no parent
join inputs as i on i.run_id = r.run_id and i.endpoint = r.endpoint
group by i.by_run_id, r.endpoint, parent, path, reason, raw
order by i.by_run_id, r.endpoint, page, "position", path, reason;

create view play_figures as
with history as (
    select distinct i.by_run_id as run_id, h.id
    from all_history as h join inputs as i on i.run_id = h.run_id and i.endpoint = 'history'
),
staged as (select run_id, count(*) as plays from history group by run_id),
resolved as (
    select w.run_id, count(*) as plays
    from resolved_watches as w semi join history as h on h.run_id = w.run_id and h.id = w.history_id
    where not w.carried
    group by w.run_id
),
titles as (
    select run_id, count(*) as titles, coalesce(sum(plays) filter (title_id is null), 0)::bigint as plays
    from outcomes group by run_id
),
rejected as (select run_id, count(*) as plays from rejected_records where endpoint = 'history' group by run_id)
select r.run_id, coalesce(t.titles, 0) as titles, coalesce(s.plays, 0) as staged, coalesce(w.plays, 0) as resolved,
    coalesce(t.plays, 0) as not_in_catalogue, coalesce(x.plays, 0) as rejected
from runs as r
left join staged as s using (run_id)
left join resolved as w using (run_id)
left join titles as t using (run_id)
left join rejected as x using (run_id);

-- What an equation that does not balance is about: titles that load has not told, and titles whose plays are not all there.
create view unaccounted as
select o.run_id, 'titles' as equation, o.kind || ' ' || coalesce(o.name, o.trakt_id::varchar, o.title::varchar) as what
from outcomes as o anti join loaded as l on l.run_id = o.run_id and l.title = o.title
union all
select run_id, 'distinct plays', t.title_id || ' (' || t.plays || ' plays, ' || coalesce(w.plays, 0) || ' in watches)'
from (
    select run_id, title_id, sum(plays)::bigint as plays from outcomes where title_id is not null group by run_id, title_id
) as t
left join (
    select run_id, title_id, count(*) as plays from resolved_watches where not (carried or gone or moved) group by run_id, title_id
) as w using (run_id, title_id)
where t.plays <> coalesce(w.plays, 0)
order by all;
