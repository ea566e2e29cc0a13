-- theirs: the rows of Trakt's side that may change something; what equals the baseline never travels.
-- Takes `runs`, `resolved` (one table of the batch), `baseline` (the resolved rows of each user's last import).
-- Gives `base` (the rows that this user's baseline really has) and `theirs`, which `leaves` where it is to be deleted.
-- What mode `new` left alone, then or now, was never compared; what moved away then is another title's.

create view base as
select {b_columns}, b.gone
from baseline as b
semi join runs as r on r.base_run_id = b.run_id and r.user_id = b.user_id
where not (b.left_alone or b.moved);

create table theirs as
select r.run, r.overwrite, t.moved or (t.gone and r.prune) as leaves, t.moved, {t_columns}
from resolved as t
join (select run, run_id, overwrite, prune from runs) as r on r.run_id = t.run_id
left join base as b using ({key})
where not t.left_alone and (
    t.moved or (t.gone and r.prune)
    or not t.carried and (r.overwrite or b.user_id is null or b.gone or ({t_values}) is distinct from ({b_values}))
);
