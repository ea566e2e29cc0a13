-- macros: the small rules that every other file leans on.

-- A moment as we keep it: to the second; 1970 and earlier is Trakt's way to say "unknown".
create macro moment(value) as
    case when value > timestamptz '1970-01-01 00:00:00+00' then date_trunc('second', value) end;

-- One whole number that stands for a Trakt title within its user: movies and shows never share one,
-- and a title without a Trakt id is known by its next best id.
create macro title_key(kind, trakt, imdb, tmdb, tvdb) as
    case when trakt < 1152921504606846976 then trakt * 2
    else (hash(coalesce('trakt:' || trakt, 'imdb:' || imdb, 'tmdb:' || tmdb, 'tvdb:' || tvdb)) >> 4)::bigint * -2
    end - (kind = 'movie')::bigint;

-- Ids that can match: a whole number above 0; `tt` and at least five digits.
create macro usable_number(id) as case when id > 0 then id end;
create macro usable_imdb(id) as case when regexp_matches(lower(trim(id)), '^tt[0-9]{5,}$') then lower(trim(id)) end;
