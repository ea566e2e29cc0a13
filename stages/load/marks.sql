-- marks: how many resolved rows of one table each run has, and how many of them bear which mark.
-- Takes `runs` and `resolved` (Trakt's side, before the comparison). Gives `marks`, one row per run.

create table marks as
select runs.run, count(t.run_id) as resolved, count(*) filter (t.left_alone) as left_alone, count(*) filter (t.moved) as moved,
    count(*) filter (t.gone) as gone
from runs
left join (select run_id, left_alone, moved, gone from resolved) as t on t.run_id = runs.run_id
group by runs.run;
