-- watches: what becomes of every play's row. A play is a fact: it is always theirs.

create table decided as
select t.run, t.user_id, t.history_id, b.history_id is not null as has_base, o.history_id is not null as has_ours, t.overwrite, t.leaves,
    t.title_id, t.season, t.episode, t.watched_at, t."action",
    []::varchar[] as kept,
    (t.title_id, t.season, t.episode, t.watched_at, t."action") is distinct from
    (b.title_id, b.season, b.episode, b.watched_at, b."action") as fact_changed
from theirs as t
left join base as b using (user_id, history_id)
left join ours as o using (user_id, history_id);
