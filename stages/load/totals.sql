-- totals: how many titles of each run there are of each fate.
-- Takes `runs`, `inputs` (run, endpoint, run_id), {outcomes} (`loaded_outcomes`, as it was written) and {rejected} (the
-- rejected records). Gives `totals`: run, imported, skipped, error.
-- A rejected record counts one error, a part of one for each row that it is a part of; the same record sent twice counts once.

create table totals as
with titles as (
    select run, count(*) filter (outcome = 'imported') as imported, count(*) filter (outcome = 'skipped') as skipped,
        count(*) filter (outcome = 'error') as error
    from {outcomes}
    join runs using (run_id)
    group by run
),
records as (
    select i.run, count(distinct (x.endpoint, x.parent, x.path, x.raw)) as rejected
    -- Files of an older version know no parent.
    from ((select null::varchar as parent limit 0) union all by name (from {rejected})) as x
    join inputs as i on i.endpoint = x.endpoint and i.run_id = x.run_id
    group by i.run
)
select run, coalesce(imported, 0), coalesce(skipped, 0), coalesce(error, 0) + coalesce(rejected, 0)
from runs
left join titles using (run)
left join records using (run);
