-- narrowed: `wanted` without the rows that are there as they should be; most of them are, where there is no baseline.
-- Takes {candidates} (the rows of `picture` whose keys are in `wanted`) and `rows_read` (the application's rows of the
-- same users, as the database has them; read once). Gives `narrowed`: the keys of the others.

create table narrowed as
select t.run, {t_key}
from (select run, {key}, leaves, hash({values}) as hashed from {candidates}) as t
anti join (select {key}, hash({values}) as hashed from (select {typed_values} from rows_read)) as o
    on {o_same_key} and t.hashed = o.hashed and not t.leaves;
