-- wanted: the keys of those rows of one table that are to be held against the application's.
-- Takes `runs`, `picture` (see picture.sql), `baseline` (the resolved rows of each user's last import), and {bare}: which
-- runs are of users who have neither a row in this table nor a baseline.
-- Gives `base` (the rows that this user's baseline really has), and `wanted`: the keys of all rows but those of bare runs,
-- which are inserted as they are, and those that equal the baseline, which never travel.
-- What mode `new` left alone then was never compared; what moved away then is another title's.
-- Here and in narrowed.sql two rows of one key are equal where a hash of all their values (64 bits) is.

create view base as
select {b_columns}, b.gone
from baseline as b
semi join runs as r on r.base_run_id = b.run_id and r.user_id = b.user_id
where not (b.left_alone or b.moved);

create table unlike as
select t.run, {t_key}
from (from picture where leaves or not {bare}) as t
anti join base as b on {same_key} and hash({t_values}) = hash({b_values}) and not (b.gone or t.leaves or t.overwrite);

-- A view: where these are most of the rows, `narrowed` takes their place.
create view wanted as from unlike;
