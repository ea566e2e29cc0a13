-- actions: what is done with every row that travels.
-- Takes `decided`. Gives `acted`: `decided` with `fate`: insert, update, delete, kept, unchanged, deleted_here.
-- A row leaves where its title has moved, or where its fact is gone and the run prunes; only where ours is as the
-- baseline is: what the application has changed is kept. Adds the titles with a change to `changed_titles`.

create table acted as
select *,
    case
        when leaves and not has_ours then 'deleted_here'
        when leaves and clean then 'delete'
        when leaves then 'kept'
        when not has_ours and has_base and not (comes_back or overwrite) then 'deleted_here'
        when not has_ours then 'insert'
        when not same then 'update'
        when len(kept) > 0 then 'kept'
        else 'unchanged'
    end as fate
from decided;

insert into changed_titles
select distinct run, title_id from acted where fate in ('insert', 'update');
