-- kept: one row for every value of ours that stands although both sides changed it, and why.
-- Takes `keeping`, `theirs`, `ours` of one table; the lists are put in for each table.
-- Adds to `kept_values`: the column (null: the whole row, which Trakt no longer shows under this title), both values as
-- text, the row's own stamp, and Trakt's date of the fact.

insert into kept_values by name
with columns as (
    select run, {key}, unnest(case when leaves then [null] else kept end) as name
    from keeping
),
sides as (
    select c.run as run, {place}, c.name as "column", t.moved as moved,
        case c.name {ours} end as ours, case c.name {theirs} end as theirs,
        {updated_at} as ours_at, case c.name {dates} end as theirs_at
    from columns as c
    join theirs as t using (run, {key})
    join ours as o using ({key})
)
select '{table}' as "table", * exclude (moved),
    case
        when "column" is null and moved then 'it is another title on Trakt now, and was changed here'
        when "column" is null then 'it is gone from Trakt, and was changed here'
        when theirs_at is null then 'Trakt gives no date for its change'
        when ours_at is null then 'the row here has no date'
        else 'the change here is newer'
    end as why
from sides;
