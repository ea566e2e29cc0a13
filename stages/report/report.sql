-- report: the lists of a report and the figures that its equations need.
-- Takes `outcomes`, `loaded`, `resolved_<table>`, `rejected`, `history` of one run.
-- Each statement below is one list or figure, named by the view it gives.

create view not_in_catalogue as
select kind, name, "year", trakt_id, imdb_id, tmdb_id, tvdb_id, evidence
from outcomes where title_id is null order by kind, name, trakt_id;

create view conflicts as
select kind, name, trakt_id, title_id, matched_by, conflict as also
from outcomes where conflict is not null order by kind, name, trakt_id;

create view ambiguous as
select kind, name, trakt_id, title_id, ambiguous as titles
from outcomes where ambiguous is not null order by kind, name, trakt_id;

create view merged as
select title_id, kind, list(name order by trakt_id) as names, list(trakt_id order by trakt_id) as trakt_ids
from outcomes where merged is not null group by title_id, kind order by title_id;

create view kept as
select kind, name, trakt_id, title_id, kept from loaded where kept is not null order by kind, name, trakt_id;

create view gone as
select 'library_entries' as "table", title_id, null::bigint as season, null::bigint as episode, null::bigint as history_id
from resolved_library_entries where gone
union all
select 'season_entries', title_id, season, null, null from resolved_season_entries where gone
union all
select 'episode_entries', title_id, season, episode, null from resolved_episode_entries where gone
union all
select 'watches', title_id, season, episode, history_id from resolved_watches where gone
order by all;

create view rejected_records as
select endpoint, min(page) as page, min("position") as "position", path, reason, raw
from rejected group by endpoint, path, reason, raw order by endpoint, page, "position", path, reason;

create view play_figures as
select
    (select count(*) from outcomes) as titles,
    (select count(distinct id) from history) as staged,
    (select count(*) from resolved_watches where not (gone or moved) and history_id in (select id from history)) as resolved,
    (select coalesce(sum(plays), 0)::bigint from outcomes where title_id is null) as not_in_catalogue,
    (select count(*) from rejected where endpoint = 'history') as rejected;
