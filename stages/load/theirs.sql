-- theirs: the rows of Trakt's side that are to be decided about, and the application's.
-- Takes {candidates} (the rows of `picture` whose keys are in `wanted`; a {kind}: `table` where they are to be found first)
-- and `read` (the application's rows of these keys, as the database has them). Gives `theirs` and `ours`.

create {kind} theirs as from {candidates};

create table ours as select {typed} from read;
