-- placed: as wanted.sql, of the rows that are `apart`.
-- Takes `apart`, `runs` (nobody overwrites or prunes), {resolved}, and {placed_columns}: both sides of each value, those that
-- are the same bytes in both files from {resolved}.
-- Gives `picture`, `base` and `wanted`, with none but these rows.

create table placed as
select r.run, r.run_id, r.trakt_slug, r.overwrite, a.was_gone, a.has_base, {placed_columns}
from apart as a
join (select *, file_row_number as place from {resolved}) as t using (place)
join (select run, run_id, trakt_slug, overwrite from runs) as r on r.run_id = t.run_id;

create view picture as
select run, run_id, trakt_slug, overwrite, false as leaves, false as moved, {t_columns} from placed as t;

create view base as select {key}, {was}, was_gone as gone from placed where has_base;

create view wanted as select run, {key} from picture;
