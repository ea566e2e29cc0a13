-- written: what one run did to the rows of one table: as they were, and as they became.
-- Takes `before` (the changed rows as they were) and `resolved` (an inserted row is as Trakt's side has it).
-- Gives `written`: `fate` (insert, update, delete), the key, `was_<column>` and `new_<column>` of every value, and
-- `was_<stamp>`.

create table written as
select b.fate, {b_key}, {was}, {new}
from (from before where run_id = {run_id}) as b
left join (from resolved where run_id = {run_id}) as r on b.fate = 'insert' and {same_key};
