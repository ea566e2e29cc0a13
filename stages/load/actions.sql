-- actions: what is done with every row that travels.
-- Takes `decided` and `ours`. Gives `acted`: `decided` with `fate`: insert, update, delete, kept, unchanged, deleted_here.
-- `same` says whether the row is as ours is, `clean` whether ours is as the baseline is; the lists of columns are put in for each table.

create table acted as
with compared as (
    select d.*,
        (d.has_ours and ({decided_values}) is not distinct from ({ours_values})) as same,
        (d.has_ours and d.has_base and ({base_values}) is not distinct from ({ours_values})) as clean,
        o.updated_at as ours_updated_at
    from decided as d
    left join ours as o using ({key})
    left join base as b using ({key})
)
select *,
    case
        when leaves then case when clean then 'delete' else 'unchanged' end
        when not has_ours and has_base and not fact_changed and not overwrite then 'deleted_here'
        when not has_ours then 'insert'
        when not same then 'update'
        when len(kept) > 0 then 'kept'
        else 'unchanged'
    end as fate
from compared;
