-- placed: which rows of one table are not as they were, where the baseline is one file with the same keys in the same order:
-- told row by row, no join.
-- Takes `runs` (nobody overwrites or prunes), {resolved} and {before} (the baseline's file; in neither has a row moved), {b_differing}:
-- the columns that are not the same bytes in both; {differ}: whether one of these is another; and {placed_columns}: both sides
-- of each value, those that are the same bytes in both files from {resolved}.
-- Gives `placed`, one row for each that is to be held against the application's; and, with none but these, `picture`, `base` and
-- `wanted`, as picture.sql and wanted.sql have them.

create table placed as
select r.run, r.run_id, r.trakt_slug, r.overwrite, b.gone as was_gone, not b.left_alone as has_base, {placed_columns}
from {resolved} as t
positional join (select {b_differing} from {before}) as b
join (select run, run_id, trakt_slug, overwrite from runs) as r on r.run_id = t.run_id
where not t.left_alone and not t.carried and ({differ} or b.gone or b.left_alone);

create view picture as
select run, run_id, trakt_slug, overwrite, false as leaves, false as moved, {t_columns} from placed as t;

create view base as select {key}, {was}, was_gone as gone from placed where has_base;

create view wanted as select run, {key} from picture;
