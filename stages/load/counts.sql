-- counts: what becomes of one table's resolved rows, per run.
-- Takes `marks` (counted before the comparison), `theirs` (those that were to be decided about), `decided` (the same,
-- decided) and `appended` (how many are inserted as they are, by title).
-- Gives one row per run. All other rows equal the baseline or the row that is there, so they are unchanged; they are
-- counted before the comparison, so that a row lost or doubled in it breaks the sum.

with travelled as (select run, count(*) as travelled from theirs group by run),
fates as (
    select run,
        count(*) filter (fate = 'insert') as inserted,
        count(*) filter (fate = 'update') as updated,
        count(*) filter (fate = 'unchanged') as unchanged,
        count(*) filter (fate = 'kept') as kept,
        count(*) filter (fate in ('deleted_here', 'delete')) as deleted_here
    from decided
    group by run
),
added as (select run, sum(rows)::bigint as appended from appended group by run)
select run, resolved, coalesce(inserted, 0) + coalesce(appended, 0) as inserted,
    coalesce(updated, 0) as updated,
    resolved - left_alone - coalesce(appended, 0) - coalesce(travelled, 0)
        + coalesce(unchanged, 0) as unchanged,
    coalesce(kept, 0) as kept, left_alone, coalesce(deleted_here, 0) as deleted_here
from marks
left join travelled using (run)
left join fates using (run)
left join added using (run)
order by run
