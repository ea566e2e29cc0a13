-- apart: which rows of one table are not as they were, where the baseline is one file with the same keys in the same order:
-- told row by row, no join.
-- Takes {resolved} and {before} (the baseline's file; in neither has a row moved), {apart_columns}: where a row lies (`place`),
-- and both sides of each value that is not the same bytes in both; and {differ}: whether one of these is another.
-- Gives `apart`, one row for each that is to be held against the application's.

create table apart as
select {apart_columns}, b.gone as was_gone, not b.left_alone as has_base
from (select *, file_row_number as place from {resolved}) as t
positional join {before} as b
where not t.left_alone and not t.carried and ({differ} or b.gone or b.left_alone);
