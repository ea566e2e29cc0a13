-- marks: how many resolved rows of one table each run has, and how many of them bear which mark.
-- Takes `runs` and `resolved` (Trakt's side, before the comparison). Gives `marks`, one row per run.

create table marks as
select run, coalesce(resolved, 0) as resolved, coalesce(left_alone, 0) as left_alone, coalesce(moved, 0) as moved,
    coalesce(gone, 0) as gone
from runs
left join (
    select run_id, count(*) as resolved, count(*) filter (left_alone) as left_alone, count(*) filter (moved) as moved,
        count(*) filter (gone) as gone
    from resolved
    group by run_id
) using (run_id);
