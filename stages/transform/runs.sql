-- runs: the imports that are transformed together.
-- Takes `told_runs` and `told_owned`. Gives `runs`, with the names that every row of a run bears as numbers of a list (quicker
-- to copy, to sort and to write; files have them as text), and `owned`.

create type run_id as enum (select distinct run_id from told_runs);
create type user_id as enum (select distinct user_id from told_runs);
create type trakt_slug as enum (select distinct trakt_slug from told_runs);

create table runs as
select * replace (run_id::run_id as run_id, user_id::user_id as user_id, trakt_slug::trakt_slug as trakt_slug,
    started_at::timestamptz as started_at)
from told_runs;

create table owned as from told_owned;
