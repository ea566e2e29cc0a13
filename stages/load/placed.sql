-- placed: as wanted.sql, where the baseline is one file with the same keys in the same order: told row by row, no join.
-- Takes `runs` (nobody overwrites or prunes), {resolved} and {before} (the baseline's file; in neither has a row moved),
-- {before_values} (the baseline's values; a column that is the same bytes in both is taken from {resolved}), and
-- {differ}: whether one of the others is another.
-- Gives `picture`, `base` and `wanted`, with none but the rows that are to be held against the application's.

create table placed as
select r.run, r.run_id, r.trakt_slug, r.overwrite, t.* exclude (run_id)
from (
    select t.run_id, {t_columns}, {before_values}, b.gone as was_gone,
        not b.left_alone and (t.run_id, b.run_id) in (select run_id, base_run_id from runs) as has_base
    from {resolved} as t
    positional join {before} as b
    where not t.left_alone and not t.carried
        and ({differ} or b.gone or b.left_alone or (t.run_id, b.run_id) not in (select run_id, base_run_id from runs))
) as t
join (select run, run_id, trakt_slug, overwrite from runs) as r on r.run_id = t.run_id;

create view picture as
select run, run_id, trakt_slug, overwrite, false as leaves, false as moved, {t_columns} from placed as t;

create view base as select {key}, {was}, was_gone as gone from placed where has_base;

create view wanted as select run, {key} from picture;
