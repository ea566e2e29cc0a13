-- ratings_by_release_year: how each user rates movies and shows by the year they were released; ratings of seasons and
-- episodes left out. Takes latest_ratings. One row per user, kind and year.
select "user", type as kind, coalesce(movie."year", "show"."year") as release_year, count(*) as ratings,
    round(avg(rating), 2) as average_rating
from latest_ratings
where type in ('movie', 'show')
group by all
order by "user", kind, release_year
