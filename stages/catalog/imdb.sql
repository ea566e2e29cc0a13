-- imdb: grow the catalogue by IMDb's films and series.
-- Takes `titles` and `foreign_titles` (kind, name, year, imdb_id); {stamp} is when; {new_ids}: whether `title_id` is text,
-- so that new titles can be given one: {new_id}. Gives `matched` (with the title_id of known ones), `conflicts` (place, told).
-- A known title keeps what it has; only one that came from IMDb before follows IMDb's name and year.

create temporary table bearers as
select cast(lower(trim(imdb_id)) as text) as imdb_id, kind, cast(min(cast(title_id as text)) as text) as title_id
from titles
where imdb_id is not null
group by cast(lower(trim(imdb_id)) as text), kind;

create index bearers_by_id on bearers (imdb_id, kind);

create temporary table matched as
select f.kind, f.name, f.year, f.imdb_id, cast('imdb-' || f.kind || '-' || f.imdb_id as text) as new_id, b.title_id
from foreign_titles as f
left join bearers as b on b.kind = f.kind and b.imdb_id = f.imdb_id;

create index matched_by_title on matched (title_id);

create index matched_by_new on matched (new_id);

create temporary table conflicts as
select 1 as place, f.imdb_id || ' is a ' || f.kind || ' at IMDb; in the catalogue, ' || b.title_id || ' is a ' || b.kind as told
from foreign_titles as f
join bearers as b on b.imdb_id = f.imdb_id and b.kind <> f.kind
union all
select 2, m.imdb_id || ' is not in the catalogue, and ' || m.new_id || ' is another title: ' || coalesce(t.imdb_id, 'without an IMDb id')
from titles as t
join matched as m on m.new_id = cast(t.title_id as text)
where m.title_id is null
union all
select 3, count(*) || ' titles are not in the catalogue, whose title_id is not text: load them with title_ids of your own'
from matched
where title_id is null and not {new_ids}
having count(*) > 0;

update titles set
    name = case when m.title_id = m.new_id then m.name else titles.name end,
    year = case when m.title_id = m.new_id then m.year else coalesce(titles.year, m.year) end,
    updated_at = '{stamp}'
from matched as m
where m.title_id = cast(titles.title_id as text)
    and (
        (m.title_id = m.new_id and (titles.name is distinct from m.name or titles.year is distinct from m.year))
        or (titles.year is null and m.year is not null)
    );

insert into titles (title_id, kind, name, year, imdb_id, updated_at)
select {new_id}, m.kind, m.name, m.year, m.imdb_id, '{stamp}'
from matched as m
where m.title_id is null and {new_ids}
order by m.new_id
on conflict (title_id) do nothing;
