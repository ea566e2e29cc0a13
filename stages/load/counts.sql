-- counts: how many of one table's rows were decided about, and what they come to, per run.
-- Takes `theirs` (the rows that were to be decided about) and `decided` (the same, decided). Gives run, fate, rows; all that were
-- to be decided about under the fate `travelled`.

select run, 'travelled' as fate, count(*) as rows from theirs group by run
union all
select run, fate, count(*) from decided group by run, fate
