-- macros: the small rules that every other file leans on.

-- Words of which there are few: as numbers they are quicker to keep and to compare, and the first evidence is the strongest. What is written must be text (see `copy_to`).
create type title_kind as enum ('movie', 'show');
create type evidence as enum ('watching', 'watched', 'watchlist', 'collection', 'rating', 'part rating');

-- A moment as we keep it: to the second; 1970 and earlier is Trakt's way to say "unknown".
create macro moment(value) as
    case when value >= timestamptz '1970-01-01 00:00:01+00' then make_timestamptz(epoch_us(value) // 1000000 * 1000000) end;

-- A date to tell copies of an item apart by: one without is the oldest.
create macro dated(value) as coalesce(value, timestamptz '-infinity');

-- One whole number that stands for a Trakt title within its user: movies and shows never share one,
-- and a title without a Trakt id is known by its next best id.
create macro title_key(kind, trakt, imdb, tmdb, tvdb) as
    case when trakt < 1152921504606846976 then trakt * 2
    else (md5_number_lower(coalesce('trakt:' || trakt, 'imdb:' || imdb, 'tmdb:' || tmdb, 'tvdb:' || tvdb)) >> 4)::bigint * -2
    end - (kind = 'movie')::bigint;

-- One whole number that stands for an id within its kind, so that to join by it is quick.
create macro id_key(kind, number) as number::ubigint * 2 + (kind = 'movie')::ubigint;

create macro imdb_key(kind, imdb) as
    case when length(imdb) < 20 then (try_cast(imdb[3:] as ubigint) * 32 + length(imdb)) * 2
    else md5_number_lower(imdb) >> 1 << 1 end + (kind = 'movie')::ubigint;

-- The status that the strongest evidence for an entry gives it.
create macro status_of(evidence, watched_episodes, aired_episodes) as
    case evidence
        when 'watching' then 'active'
        when 'watched' then case when watched_episodes < aired_episodes then 'active' else 'finished' end
        when 'watchlist' then 'active'
        when 'collection' then 'finished'
        when 'rating' then 'finished'
        when 'part rating' then 'active'
    end;

-- Where one entry stands for several Trakt titles: how new a fact is. Of equally new ones (or undated) that of the title
-- of the first precedence counts, so that the answer is always the same.
create macro recency(dated, precedence) as coalesce(epoch(dated)::bigint, 0) * 1000000 - precedence;

-- The rows of an endpoint's pages, once for each run whose picture stands on them, with the title that each is about.
-- `place` numbers the reads that the picture stands on, base first; `position` the rows in the order they were asked for.
create macro told(of_endpoint, pages) as table
    select f.run, f.place, f.file::bigint * 1000000 + p.file_row_number as position,
        case p."type" when 'movie' then 'movie'::title_kind else 'show'::title_kind end as kind,
        case p."type" when 'movie' then p.movie.ids.trakt else p."show".ids.trakt end as trakt_id,
        case p."type" when 'movie' then p.movie.ids.imdb else p."show".ids.imdb end as imdb_id,
        case p."type" when 'movie' then p.movie.ids.tmdb else p."show".ids.tmdb end as tmdb_id,
        case p."type" when 'movie' then null else p."show".ids.tvdb end as tvdb_id,
        nullif(case p."type" when 'movie' then p.movie.title else p."show".title end, '') as name,
        case p."type" when 'movie' then p.movie."year" else p."show"."year" end as "year",
        case p."type" when 'movie' then null else p."show".aired_episodes end as aired_episodes,
        title_key(kind, trakt_id, imdb_id, tmdb_id, tvdb_id) as title,
        p.* exclude (file_index, file_row_number, movie, "show")
    from query_table(pages) as p
    join files as f on f.endpoint = of_endpoint and f.file = p.file_index;
