-- appended: how many rows of one table are inserted as they are, by title.
-- Takes `fresh`. Gives `appended` (run, title_id, rows) and adds to `changed_titles`.

create table appended as
select run, title_id, count(*) as rows from fresh group by run, title_id;

insert into changed_titles select run, title_id from appended;
