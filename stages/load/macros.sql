-- macros: the three-way merge of one column, as version control does it.
-- theirs = Trakt's side now, base = Trakt's side at the last import (null without one), ours = the application's row.
-- `newer` says whether Trakt's date of the fact is later than the row's own stamp. The first line that holds decides.

create macro merged(theirs, base, ours, newer) as
    case
        when theirs is not distinct from base then ours
        when ours is not distinct from base or newer then theirs
        else ours
    end;

-- Whether both sides changed and ours won.
create macro kept(theirs, base, ours, newer) as
    theirs is distinct from ours and theirs is distinct from base and ours is distinct from base and not newer;

-- What the tables of a batch give together: titles with a change, and values of ours that stand (see kept.sql).
create table changed_titles (run bigint, title_id varchar);
create table kept_values (
    run bigint, "table" varchar, title_id varchar, season bigint, episode bigint, history_id bigint, "column" varchar,
    ours varchar, theirs varchar, ours_at timestamptz, theirs_at timestamptz, why varchar
);
