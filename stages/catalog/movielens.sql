-- movielens: give known movies the ids that they lack.
-- Takes `titles` and `foreign_titles` (line, imdb_id, tmdb_id); {stamp} is when. Gives `matched` (with the title_id of
-- known ones), `conflicts` (place, told). Nothing that a title has is replaced, and no id is given to a second one.

create temporary table by_imdb as
select cast(lower(trim(imdb_id)) as text) as imdb_id, cast(min(cast(title_id as text)) as text) as title_id
from titles
where kind = 'movie' and imdb_id is not null
group by cast(lower(trim(imdb_id)) as text);

create index by_imdb_id on by_imdb (imdb_id);

create temporary table by_tmdb as
select tmdb_id, cast(min(cast(title_id as text)) as text) as title_id
from titles
where kind = 'movie' and tmdb_id is not null
group by tmdb_id;

create index by_tmdb_id on by_tmdb (tmdb_id);

create temporary table matched as
with found as (
    select f.line, f.imdb_id, f.tmdb_id, coalesce(i.title_id, t.title_id) as title_id,
        case when t.title_id <> i.title_id then t.title_id end as other
    from foreign_titles as f
    left join by_imdb as i on i.imdb_id = f.imdb_id
    left join by_tmdb as t on t.tmdb_id = f.tmdb_id
)
select line, imdb_id, tmdb_id, title_id, other, row_number() over (partition by title_id order by line) as place
from found;

create index matched_by_title on matched (title_id);

update titles set
    imdb_id = coalesce(titles.imdb_id, m.imdb_id),
    tmdb_id = coalesce(titles.tmdb_id, m.tmdb_id),
    updated_at = '{stamp}'
from matched as m
where m.title_id = cast(titles.title_id as text) and m.place = 1 and m.other is null
    and ((titles.imdb_id is null and m.imdb_id is not null) or (titles.tmdb_id is null and m.tmdb_id is not null));

create temporary table conflicts as
select m.line as place, 'line ' || m.line || ': ' || m.imdb_id || ' is ' || m.title_id || ', tmdb ' || m.tmdb_id || ' is ' || m.other as told
from matched as m
where m.other is not null
union all
select m.line, 'line ' || m.line || ': ' || m.title_id || ' has '
    || case when lower(trim(t.imdb_id)) <> m.imdb_id then t.imdb_id || ', not ' || m.imdb_id else 'tmdb ' || t.tmdb_id || ', not ' || m.tmdb_id end
from titles as t
join matched as m on m.title_id = cast(t.title_id as text)
where m.other is null and (lower(trim(t.imdb_id)) <> m.imdb_id or t.tmdb_id <> m.tmdb_id);
