-- macros: the three-way merge of one column, as version control does it.
-- theirs = Trakt's side now, base = Trakt's side at the last import, ours = the application's row.

create macro merged(theirs, base, ours, has_base, newer, overwrite) as
    case
        when overwrite then theirs
        when theirs is not distinct from ours then ours
        when has_base and theirs is not distinct from base then ours
        when has_base and ours is not distinct from base then theirs
        when not has_base and ours is null then theirs
        when not has_base and theirs is null then ours
        when newer then theirs
        else ours
    end;

-- Whether both sides changed and ours won.
create macro kept(theirs, base, ours, has_base, newer, overwrite) as
    not overwrite
    and theirs is distinct from ours
    and case when has_base then theirs is distinct from base and ours is distinct from base
        else ours is not null and theirs is not null end
    and not coalesce(newer, false);

-- Without a baseline, a count of ours that is 0 says nothing yet.
create macro counted(ours, has_base) as case when has_base then ours else nullif(ours, 0) end;
