-- changed: the titles of which one table changes a row, and how many rows are inserted as they are.
-- Takes `acted` and `fresh`. Gives `appended` (run, title_id, rows) and adds to `changed_titles`.

create table appended as
select run, title_id, count(*) as rows from fresh group by run, title_id;

insert into changed_titles
select distinct run, title_id from acted where fate in ('insert', 'update')
union all
select run, title_id from appended;
