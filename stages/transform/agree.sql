-- agree: of most titles every id says the same; to find these takes one join.
-- Takes `seen`, `catalogue` (of the snapshot, in which an id that can never match is null, every row that bears the Trakt id of a
-- title in question; maybe more), and `ambiguous_titles`, which bear an id that another title of their kind bears, too.
-- Gives `agreed`: `seen`, each with the catalogue title of its Trakt id (and what that knows of aired episodes) where that
-- title alone bears all the ids that it has; and `unsettled`: the others.

create table agreed as
select s.*, c.title_id, c.aired_episodes as catalogue_aired
from seen as s
left join (from catalogue anti join ambiguous_titles using (title_id)) as c
    on c.trakt_id = s.trakt_id
    and (c.kind = s.kind) is true -- said so, it is asked of what the id finds: to join by both takes a third longer
    and (s.imdb_id is null or c.imdb_id = s.imdb_id)
    and (s.tmdb_id is null or c.tmdb_id = s.tmdb_id)
    and (s.tvdb_id is null or c.tvdb_id = s.tvdb_id)
order by run, title; -- kept so by the joins that follow: what is nearly in order is quickly sorted when it is written

create view unsettled as
select * exclude (title_id, catalogue_aired) from agreed where title_id is null;
