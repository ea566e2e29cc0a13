-- theirs: the rows of Trakt's side that are to be decided about.
-- Takes {candidates} (the rows of `picture` whose keys are in `wanted`) and `read` (the application's rows of these keys,
-- as the database has them).
-- Gives `theirs`, without the rows that are there as they should be, and `ours` (the application's rows of the same keys).

create table theirs as
select t.*
from {candidates} as t
anti join (select {typed} from read) as o on {o_same_key} and hash({t_values}) = hash({o_values}) and not t.leaves;

create table ours as
select {typed} from read semi join theirs using ({key});
