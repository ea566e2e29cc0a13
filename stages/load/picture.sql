-- picture: the rows of Trakt's side of one table that may travel.
-- Takes `runs` and {resolved} (one table of the batch). What mode `new` left alone does not travel, nor what is only
-- carried on; but for what `leaves`: it is to be deleted.

select r.run, r.run_id, r.trakt_slug, r.overwrite, t.moved or (t.gone and r.prune) as leaves, t.moved, {t_columns}
from {resolved} as t
join (select run, run_id, trakt_slug, overwrite, prune from runs) as r on r.run_id = t.run_id
where not t.left_alone and (not t.carried or t.moved or (t.gone and r.prune))
