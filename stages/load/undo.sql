-- undo: what is to be done so that every row is as it was before the run.
-- Takes `written` (see written.sql) and `ours` (the application's rows of the same keys) of one table.
-- Gives `undone`: the row as it was, and `fate`: insert (the run had deleted it), update, delete (the run had inserted
-- it), left (something has changed it since; `changed` says what), away (inserted, and deleted since). A stamp that is as
-- it was is null, so that nobody writes it anew; `unstamped` says that there was none, and is one now.

create table undone as
with sides as (
    select w as w, o as o, o.user_id is not null as there, ({o_values}) is not distinct from ({new_values}) as same
    from written as w
    left join ours as o using ({key})
)
select
    case w.fate
        when 'insert' then case when not there then 'away' when same then 'delete' else 'left' end
        when 'update' then case when there and same then 'update' else 'left' end
        when 'delete' then case when there then 'left' else 'insert' end
    end as fate,
    {w_key}, {was_columns}, {place}, {unstamped} as unstamped,
    case when w.fate = 'delete' then 'made anew'
        when not there then 'deleted'
        else array_to_string(list_filter([{changed}], lambda x: x is not null), ', ')
    end as changed
from sides;
