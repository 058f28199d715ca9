/*
The statistics of the marts, each formula written once and named after what it gives. Immutable, without state, found by
the models through their search_path. Below each heading: the definition and its source.
*/
-- Parameters of functions look like columns to the linter.
-- noqa: disable=RF01,RF03

-- ---------------------------------------------------------------------------------------------------------------------
-- Waits in bands
-- ---------------------------------------------------------------------------------------------------------------------

-- Weeks of waiting begun, 0 to 105: 0 is the day of the start itself, 1 is days 1-7, 18 is days 120-126, 19 is the first
-- over 18 weeks, 53 over 52, 105 is 729 days and more. Every band and threshold of the monthly return (G §10.1.7) is a
-- whole number of these, and a wait passes to the next one every seven days: what series and projections are counted by.
create or replace function reference.wait_week(wait_days integer) returns integer
language sql immutable strict parallel safe
return least(105, ceil(wait_days / 7.0))::integer;

-- The median or percentile of waits as NHS England publishes it since October 2022: with n known waits, i + (p n - those
-- below i) / those in the band from i, for the band in which the running count reaches p n. In weeks; 104 in the
-- open-ended band ("104 or more"); null below 20 waits.
-- Bands in ascending order, each with its count, none null. In a loop, for it is called once or more for every
-- unit of every week: a query in its place takes ten times as long, most of it to begin and to end.
create or replace function reference.banded_percentile(bands integer[], counts bigint[], share numeric) returns numeric
language plpgsql immutable strict parallel safe as $$
declare
    total bigint := 0;
    running bigint := 0;
    n bigint;
begin
    foreach n in array counts loop
        total := total + n;
    end loop;
    if total < 20 then
        return null;
    end if;
    for place in 1 .. cardinality(counts) loop
        n := counts[place];
        running := running + n;
        if n > 0 and running >= share * total then
            return case
                when bands[place] >= 104 then 104
                else round(bands[place] + (share * total - (running - n)) / n, 4)
            end;
        end if;
    end loop;
    return null;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Statistical process control (XmR) as NHSRplotthedots (R) computes it
-- ---------------------------------------------------------------------------------------------------------------------

-- The mean moving range: ranges of 3.267 times their mean and above are screened out first. Zero when nothing moves.
create or replace function reference.xmr_mean_range(ranges numeric[]) returns numeric
language sql immutable strict parallel safe
begin atomic
    select coalesce(avg(r.moving_range) filter (where r.moving_range < 3.267 * r.mean_range), min(r.mean_range))
    from (
        select
            m.moving_range,
            avg(m.moving_range) over () as mean_range
        from unnest(ranges) as m (moving_range)
    ) as r;
end;

-- One row per point of one group (between two re-basings), in order: mean, limits (mean ± 2.66 mean moving ranges), near
-- limits (two thirds of the way) and the special cause it is part of, first match wins:
--   above_limit, below_limit      outside a limit
--   trend_up, trend_down          part of 7 points each above (below) the one before; at a turn, the run it begins
--   near_limit_above, …_below     part of 2 in 3 beyond the inner two thirds and inside the limit, all 3 on one side
--   shift_above, shift_below      part of 7 on one side of the mean
-- Null: common cause. A single point has no limits.
create or replace function reference.xmr_points(series numeric[])
returns table (
    point_no integer,
    series_value numeric,
    mean_value numeric,
    lower_limit numeric,
    upper_limit numeric,
    near_lower_limit numeric,
    near_upper_limit numeric,
    special_cause text
)
language sql immutable strict parallel safe
begin atomic
    with points as (
        select
            v.point_no::integer as point_no,
            v.y,
            sign(v.y - lag(v.y) over (order by v.point_no)) as step,
            abs(v.y - lag(v.y) over (order by v.point_no)) as moving_range,
            avg(v.y) over () as mean
        from unnest(series) with ordinality as v (y, point_no)
    ),

    spread as (
        select reference.xmr_mean_range(array_agg(p.moving_range) filter (where p.moving_range is not null)) as mean_range
        from points as p
    ),

    limits as (
        select
            p.point_no,
            p.y,
            p.step,
            p.mean,
            sign(p.y - p.mean) as side,
            p.mean - 2.66 * s.mean_range as lower,
            p.mean + 2.66 * s.mean_range as upper,
            p.mean - 2.66 * s.mean_range * 2 / 3 as near_lower,
            p.mean + 2.66 * s.mean_range * 2 / 3 as near_upper
        from points as p
        cross join spread as s
    ),

    marked as (
        select
            l.*,
            coalesce(l.y > l.upper or l.y < l.lower, false) as is_outside,
            coalesce(
                (l.y > l.near_upper and l.y <= l.upper) or (l.y < l.near_lower and l.y >= l.lower), false
            ) as is_near
        from limits as l
    ),

    -- What ends at each point.
    ends as (
        select
            m.*,
            sum(m.step) over six = 6 as is_end_up,
            sum(m.step) over six = -6 as is_end_down,
            abs(sum(m.side) over seven) = 7 as is_end_shift,
            sum(m.is_near::integer) over three >= 2 and abs(sum(m.side) over three) = 3 as is_end_near
        from marked as m
        window
            six as (order by m.point_no rows between 5 preceding and current row),
            seven as (order by m.point_no rows between 6 preceding and current row),
            three as (order by m.point_no rows between 2 preceding and current row)
    ),

    -- What each point is part of: something that ends at it or shortly after.
    parts as (
        select
            e.*,
            coalesce(bool_or(e.is_end_up) over ahead_six, false) as is_part_up,
            coalesce(bool_or(e.is_end_down) over ahead_six, false) as is_part_down,
            coalesce(bool_or(e.is_end_shift) over ahead_six, false) as is_part_shift,
            e.is_near and coalesce(bool_or(e.is_end_near) over ahead_two, false) as is_part_near,
            lead(e.step) over (order by e.point_no) as next_step
        from ends as e
        window
            ahead_six as (order by e.point_no rows between current row and 6 following),
            ahead_two as (order by e.point_no rows between current row and 2 following)
    )

    select
        p.point_no,
        p.y,
        p.mean,
        p.lower,
        p.upper,
        p.near_lower,
        p.near_upper,
        case
            when p.is_outside then case when p.side > 0 then 'above_limit' else 'below_limit' end
            when p.is_part_up and p.is_part_down then case when p.next_step > 0 then 'trend_up' else 'trend_down' end
            when p.is_part_up then 'trend_up'
            when p.is_part_down then 'trend_down'
            when p.is_part_near then case when p.side > 0 then 'near_limit_above' else 'near_limit_below' end
            when p.is_part_shift then case when p.side > 0 then 'shift_above' else 'shift_below' end
        end as special_cause
    from parts as p;
end;

-- Autocorrelation at lag one: sum of (y - mean)(previous y - mean) over sum of (y - mean)². Null when nothing varies.
create or replace function reference.lag_one_correlation(series numeric[]) returns numeric
language sql immutable strict parallel safe
begin atomic
    select round(sum(d.deviation * d.before) / nullif(sum(d.deviation ^ 2), 0), 4)
    from (
        select
            v.y - avg(v.y) over () as deviation,
            lag(v.y) over (order by v.point_no) - avg(v.y) over () as before
        from unnest(series) with ordinality as v (y, point_no)
    ) as d;
end;

-- Run chart (Perla, Provost and Murray 2011): one row per point with the median of all and whether it is part of a shift
-- (6 or more in a row on one side; points on the median neither count nor break a run).
create or replace function reference.run_chart_points(series numeric[])
returns table (point_no integer, median_value numeric, is_shift boolean)
language sql immutable strict parallel safe
begin atomic
    with middle as (
        select percentile_cont(0.5) within group (order by v.y)::numeric as median
        from unnest(series) as v (y)
    ),

    sides as (
        select
            v.point_no::integer as point_no,
            m.median,
            sign(v.y - m.median) as side
        from unnest(series) with ordinality as v (y, point_no)
        cross join middle as m
    ),

    turns as (
        select
            s.point_no,
            s.side,
            (s.side is distinct from lag(s.side) over (order by s.point_no))::integer as is_turn
        from sides as s
        where s.side <> 0
    ),

    runs as (
        select
            t.point_no,
            sum(t.is_turn) over (order by t.point_no) as run_no
        from turns as t
    ),

    lengths as (
        select
            r.point_no,
            count(*) over (partition by r.run_no) as run_length
        from runs as r
    )

    select
        s.point_no,
        s.median,
        coalesce(l.run_length >= 6, false) as is_part_of_run
    from sides as s
    left join lengths as l on s.point_no = l.point_no;
end;

-- ---------------------------------------------------------------------------------------------------------------------
-- Stock and flow of a waiting list
-- ---------------------------------------------------------------------------------------------------------------------

-- The list one step on. stock: pathways by steps waited, the last one open-ended; treat_rates and removal_rates: the
-- recent share of each that was treated or removed otherwise in a step. Treatment is a capacity: `treated` pathways a step
-- in all, spread over the list as the recent rates and the present stock say, never more than there are; other removals go
-- with the stock. Who is left has waited a step longer; `entrants` come in at the first place.
create or replace function reference.next_list(
    stock numeric[], treat_rates numeric[], removal_rates numeric[], treated numeric, entrants numeric
) returns numeric[]
language plpgsql immutable strict parallel safe as $$
declare
    places integer := cardinality(stock);
    weight_sum numeric := 0;
    n numeric;
    stay numeric;
    longest numeric := case when places = 1 then entrants else 0 end;
    older numeric[] := array_fill(0.000000, array[places]);
begin
    for place in 1 .. places loop
        weight_sum := weight_sum + stock[place] * treat_rates[place];
    end loop;
    older[1] := round(entrants, 6);
    for place in 1 .. places loop
        n := stock[place];
        continue when n = 0;
        stay := greatest(
            n - n * removal_rates[place] - coalesce(treated * (n * treat_rates[place]) / nullif(weight_sum, 0), 0), 0
        );
        if place < places - 1 then
            older[place + 1] := round(stay, 6);
        else
            longest := longest + stay;
        end if;
    end loop;
    older[places] := round(longest, 6);
    return older;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Queues
-- ---------------------------------------------------------------------------------------------------------------------

-- Fong et al. 2022, doi 10.1101/2022.08.23.22279117, as in the R package NHSRwaitinglist 0.1.2 (MIT). Demand and
-- capacity are a week's, waits are in weeks throughout: the package's wl_stats mixes days with weeks in its pressure,
-- and counts one week too many in its window; its calc_… functions, followed here, are right.

create or replace function reference.queue_load(demand double precision, capacity double precision)
returns double precision
language sql immutable strict parallel safe
return demand / nullif(capacity, 0);

create or replace function reference.target_mean_wait(
    target_wait double precision, factor double precision default 4
) returns double precision
language sql immutable strict parallel safe
return target_wait / nullif(factor, 0);

create or replace function reference.target_queue_size(
    demand double precision, target_wait double precision, factor double precision default 4
) returns double precision
language sql immutable strict parallel safe
return demand * reference.target_mean_wait(target_wait, factor);

create or replace function reference.relief_capacity(
    demand double precision,
    queue_size double precision,
    target_queue_size double precision,
    weeks_to_target double precision default 26
) returns double precision
language sql immutable strict parallel safe
return demand + (queue_size - target_queue_size) / nullif(weeks_to_target, 0);

create or replace function reference.target_capacity(
    demand double precision,
    target_wait double precision,
    cv_demand double precision,
    cv_capacity double precision,
    factor double precision default 4
) returns double precision
language sql immutable strict parallel safe
return demand + (cv_demand ^ 2 + cv_capacity ^ 2) / 2 * factor / nullif(target_wait, 0);

create or replace function reference.waiting_list_pressure(mean_wait double precision, target_wait double precision)
returns double precision
language sql immutable strict parallel safe
return 2 * mean_wait / nullif(target_wait, 0);

-- ---------------------------------------------------------------------------------------------------------------------
-- Proportions
-- ---------------------------------------------------------------------------------------------------------------------

-- Wilson's score interval (Wilson 1927; Newcombe 1998, Statistics in Medicine 17:857, method 3), as in
-- PHEindicatormethods. z is the normal quantile: 1.96 for 95%, 3.09 for 99.8%.

create or replace function reference.wilson_lower(
    events double precision, trials double precision, z double precision default 1.959963984540054
) returns double precision
language sql immutable strict parallel safe
return greatest(
    0, case
        when trials > 0
            then (2 * events + z ^ 2 - z * sqrt(greatest(0, z ^ 2 + 4 * events * (1 - events / trials))))
                / 2 / (trials + z ^ 2)
    end
) + case when trials > 0 then 0
end;

create or replace function reference.wilson_upper(
    events double precision, trials double precision, z double precision default 1.959963984540054
) returns double precision
language sql immutable strict parallel safe
return least(
    1, case
        when trials > 0
            then (2 * events + z ^ 2 + z * sqrt(greatest(0, z ^ 2 + 4 * events * (1 - events / trials))))
                / 2 / (trials + z ^ 2)
    end
) + case when trials > 0 then 0
end;

-- How many independent trials are worth as much as trials that come in clusters, where one person counts more than
-- once: the ratio estimator's variance between clusters (Cochran 1977, Sampling Techniques, section 9A), turned into a
-- sample size for Wilson's interval (Korn and Graubard 1998, Survey Methodology 24:193). Never more than there are.
create or replace function reference.effective_trials(
    events double precision,
    trials double precision,
    clusters double precision,
    sum_events_squared double precision,
    sum_events_trials double precision,
    sum_trials_squared double precision
) returns double precision
language sql immutable strict parallel safe
return case
    when trials <= 0 then null
    when clusters < 2 or events <= 0 or events >= trials then least(clusters, trials)
    else least(
            trials,
            events / trials * (1 - events / trials) * trials ^ 2
            / nullif(
                clusters / (clusters - 1)
                * greatest(
                    0,
                    sum_events_squared - 2 * events / trials * sum_events_trials
                    + (events / trials) ^ 2 * sum_trials_squared
                ),
                0
            )
        )
end;

-- ---------------------------------------------------------------------------------------------------------------------
-- Correlation over weeks
-- ---------------------------------------------------------------------------------------------------------------------

-- Do two measures move together from week to week within units? The repeated measures correlation (Bland and Altman 1995,
-- British Medical Journal 310:446; Bakdash and Marusich 2017, Frontiers in Psychology 8:456): Pearson's, of the deviations
-- from each unit's own mean, so that what sets units apart says nothing. Of one unit it is Pearson's own. Its interval is
-- Fisher's, as in the package rmcorr (R) 0.7: tanh(atanh r ± z / √(degrees − 1)), degrees = observations − units − 1.
-- Weeks that follow from one another are fewer than they look, and two unrelated trends correlate (Yule 1926, Journal of
-- the Royal Statistical Society 89:1): observations − units is multiplied by (1 − ab) / (1 + ab), never by more than 1, a
-- and b being the lag-one autocorrelations of the two (Bartlett 1935; Bretherton et al. 1999, Journal of Climate 12:1990).
-- Arrays side by side, one element an observation; weeks are counted, so that those a gap lies between are no neighbours.
-- Null where one of the two doesn't vary, or degrees are 1 or fewer. Reckoned in numeric: the order changes no digit.
create or replace function reference.moving_together(
    units text[], weeks integer[], first_values numeric[], second_values numeric[],
    out correlation double precision,
    out correlation_lower double precision,
    out correlation_upper double precision,
    out degrees double precision
)
language sql immutable strict parallel safe
as $$
    with deviations as (
        select
            o.unit,
            o.week,
            round(o.x - avg(o.x) over (partition by o.unit), 9) as dx,
            round(o.y - avg(o.y) over (partition by o.unit), 9) as dy
        from unnest(units, weeks, first_values, second_values) as o (unit, week, x, y)
    ),

    steps as (
        select
            d.unit,
            d.dx,
            d.dy,
            case when d.week - 1 = lag(d.week) over w then lag(d.dx) over w end as dx_before,
            case when d.week - 1 = lag(d.week) over w then lag(d.dy) over w end as dy_before
        from deviations as d
        window w as (partition by d.unit order by d.week)
    ),

    sums as (
        select
            count(*) - count(distinct s.unit) as free_count,
            sum(s.dx * s.dy) / nullif(sqrt(sum(s.dx ^ 2) * sum(s.dy ^ 2)), 0) as r,
            coalesce(sum(s.dx * s.dx_before) / nullif(sum(s.dx ^ 2), 0), 0)
            * coalesce(sum(s.dy * s.dy_before) / nullif(sum(s.dy ^ 2), 0), 0) as ab
        from steps as s
    ),

    freed as (
        select
            case when s.r is not null then least(1, greatest(-1, s.r::double precision)) end as r,
            (s.free_count * least(1, (1 - s.ab) / nullif(1 + s.ab, 0)) - 1)::double precision as degrees
        from sums as s
    )

    select
        f.r,
        case when abs(f.r) = 1 then f.r else tanh(atanh(f.r) - 1.959963984540054 / sqrt(f.degrees - 1)) end,
        case when abs(f.r) = 1 then f.r else tanh(atanh(f.r) + 1.959963984540054 / sqrt(f.degrees - 1)) end,
        f.degrees
    from freed as f
    where f.r is not null and f.degrees > 1
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Counts and rates
-- ---------------------------------------------------------------------------------------------------------------------

-- Byar's limits of a Poisson count (Breslow and Day 1987, Statistical Methods in Cancer Research II, page 69), as in
-- PHEindicatormethods. Below ten events they are too wide apart from the exact ones: count_lower and count_upper then
-- take the exact limit, a row of the seed poisson_limit, which the caller joins.

create or replace function reference.byar_lower(
    events double precision, z double precision default 1.959963984540054
) returns double precision
language sql immutable strict parallel safe
return case
    when events > 0 then events * (1 - 1 / (9 * events) - z / (3 * sqrt(events))) ^ 3
    when events = 0 then 0
end;

create or replace function reference.byar_upper(
    events double precision, z double precision default 1.959963984540054
) returns double precision
language sql immutable strict parallel safe
return (events + 1) * (1 - 1 / (9 * (events + 1)) + z / (3 * sqrt(events + 1))) ^ 3;

create or replace function reference.count_lower(events double precision, exact_lower double precision)
returns double precision
language sql immutable parallel safe
return case when events < 10 then exact_lower else reference.byar_lower(events) end;

create or replace function reference.count_upper(events double precision, exact_upper double precision)
returns double precision
language sql immutable parallel safe
return case when events < 10 then exact_upper else reference.byar_upper(events) end;

-- ---------------------------------------------------------------------------------------------------------------------
-- Directly standardised rates
-- ---------------------------------------------------------------------------------------------------------------------

-- Stratum by stratum: events, trials and the standard population. The interval is Dobson's (Dobson et al. 1991,
-- Statistics in Medicine 10:457) on Byar's limits of the total; no rate below ten events, as in PHEindicatormethods.
-- A standard stratum without trials is an error of coverage, so the rate is null.

create or replace function reference.standardised_rate(
    events double precision[], trials double precision[], standard double precision[],
    out rate double precision, out rate_lower double precision, out rate_upper double precision
)
language sql immutable strict parallel safe
as $$
    with strata as (
        select
            sum(s.events) as events,
            sum(s.standard * s.events / nullif(s.trials, 0)) / sum(s.standard) as rate,
            sqrt(sum(s.standard ^ 2 * s.events / nullif(s.trials, 0) ^ 2)) / sum(s.standard) as rate_error,
            bool_or(s.trials is null or s.trials = 0) as is_uncovered
        from unnest(events, trials, standard) as s (events, trials, standard)
        where s.standard > 0
    )

    select
        s.rate,
        s.rate + s.rate_error / sqrt(s.events) * (reference.byar_lower(s.events) - s.events),
        s.rate + s.rate_error / sqrt(s.events) * (reference.byar_upper(s.events) - s.events)
    from strata as s
    where s.events >= 10 and not s.is_uncovered
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Funnels
-- ---------------------------------------------------------------------------------------------------------------------

-- Control limits of proportions round the average of all (Spiegelhalter 2005, Statistics in Medicine 24:1185), on the
-- arcsine scale so that they stay within 0 and 1, where a proportion of n trials has the variance 1 / 4n.
-- Overdispersion (Spiegelhalter 2005, Quality and Safety in Health Care 14:347; Spiegelhalter et al. 2012, Journal of
-- the Royal Statistical Society A 175:1): z-scores are winsorised at their 10th and 90th percentiles, dispersion is
-- their mean square, and where it is more than chance gives, the additive variance between units widens the limits.

create or replace function reference.funnel_z(
    events double precision,
    trials double precision,
    average double precision,
    between_variance double precision default 0
) returns double precision
language sql immutable strict parallel safe
return case
    when trials > 0
        then (asin(sqrt(least(1, events / trials))) - asin(sqrt(average))) / sqrt(1 / (4 * trials) + between_variance)
end;

create or replace function reference.funnel_lower(
    trials double precision, average double precision, between_variance double precision, z double precision
) returns double precision
language sql immutable strict parallel safe
return case
    when trials > 0
        then sin(greatest(0, asin(sqrt(average)) - z * sqrt(1 / (4 * trials) + between_variance))) ^ 2
end;

create or replace function reference.funnel_upper(
    trials double precision, average double precision, between_variance double precision, z double precision
) returns double precision
language sql immutable strict parallel safe
return case
    when trials > 0
        then sin(least(pi() / 2, asin(sqrt(average)) + z * sqrt(1 / (4 * trials) + between_variance))) ^ 2
end;

create or replace function reference.funnel_dispersion(
    events double precision[], trials double precision[],
    out average double precision, out dispersion double precision, out between_variance double precision
)
language sql immutable strict parallel safe
as $$
    with units as (
        select
            u.trials,
            reference.funnel_z(u.events, u.trials, sum(u.events) over () / sum(u.trials) over ()) as z
        from unnest(events, trials) as u (events, trials)
        where u.trials > 0
    ),

    bounds as (
        select
            percentile_cont(0.1) within group (order by u.z) as lowest,
            percentile_cont(0.9) within group (order by u.z) as highest
        from units as u
    ),

    spread as (
        select
            count(*) as unit_count,
            avg(least(b.highest, greatest(b.lowest, u.z)) ^ 2) as dispersion,
            sum(4 * u.trials) as weight,
            sum((4 * u.trials) ^ 2) as weight_squared
        from units as u
        cross join bounds as b
    )

    select
        (select sum(u.events) / nullif(sum(u.trials), 0) from unnest(events, trials) as u (events, trials)),
        s.dispersion,
        greatest(
            0,
            (s.unit_count * s.dispersion - (s.unit_count - 1)) / nullif(s.weight - s.weight_squared / s.weight, 0)
        )
    from spread as s
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Distance
-- ---------------------------------------------------------------------------------------------------------------------

-- Length in km of the great circle between two points in degrees (WGS84 latitude and longitude), on a sphere of the mean
-- Earth radius R1 = 6371.0088 km (Moritz 2000, Geodetic Reference System 1980, Journal of Geodesy 74:128; IUGG). The
-- haversine form is exact for near points, where the cosine form loses all its digits (Sinnott 1984, Sky and Telescope
-- 68:159). Rounding can carry the square of the half chord past 1 for points opposite each other: asin has no value there.
-- The ellipsoid differs by up to 0.5%. It is a straight line: no road, river or timetable is in it.
create or replace function reference.great_circle_km(
    from_latitude double precision,
    from_longitude double precision,
    to_latitude double precision,
    to_longitude double precision
) returns double precision
language sql immutable strict parallel safe
return 2 * 6371.0088 * asin(
    sqrt(
        least(
            1,
            sin(radians(to_latitude - from_latitude) / 2) ^ 2
            + cos(radians(from_latitude)) * cos(radians(to_latitude))
            * sin(radians(to_longitude - from_longitude) / 2) ^ 2
        )
    )
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Disclosure control
-- ---------------------------------------------------------------------------------------------------------------------

-- The one place of the rule (Hospital Episode Statistics Analysis Guide; domain: below national level). A count of 1 to
-- 7 is hidden, any other is rounded to the nearest 5, zero stays zero. A rate comes from the counts as they are shown,
-- and is hidden where one of them is, and where it is 0% or 100%, which tells of every member of the group.
-- The views of shared_marts are made of these by medimart.models.disclosure, and of nothing else.

create or replace function reference.disclosed_count(exact bigint) returns bigint
language sql immutable strict parallel safe
return case
    when exact between 1 and 7 then null
    else (round(exact / 5.0) * 5)::bigint
end;

create or replace function reference.disclosed_rate(shown_events bigint, shown_trials bigint) returns numeric
language sql immutable strict parallel safe
return case
    when shown_events > 0 and shown_events < shown_trials then round(shown_events::numeric / shown_trials, 4)
end;

-- A ratio of shown counts that may be over 1, or says nothing of a person when it is 0 or 1.
create or replace function reference.disclosed_ratio(shown_events bigint, shown_trials bigint) returns numeric
language sql immutable strict parallel safe
return round(shown_events::numeric / nullif(shown_trials, 0), 4);

-- A cell of a breakdown whose total is shown somewhere else. A breakdown whose filled cells hold fewer than 8 on average
-- is withheld whole. Else, where a cell is hidden, the smallest of the shown ones is hidden with it: the two could
-- change places without anything shown being different, so neither can be worked out.
create or replace function reference.disclosed_part(
    exact bigint, total bigint, filled_cells bigint, has_small boolean, smallest_shown bigint
) returns bigint
language sql immutable parallel safe
return case
    when total < 8 * filled_cells then null
    when has_small and exact = smallest_shown then null
    else reference.disclosed_count(exact)
end;

-- A cell of a breakdown whose rows and total are both shown somewhere else, the rows in order of their totals. Hidden up
-- to the last row with a small part or rest, and on until the hidden rows without the largest, their parts and their
-- rests come to 8 each: what was shown up to here does not. Why that is enough: medimart.models.disclosure.
create or replace function reference.disclosed_crossing(
    exact bigint,
    has_small boolean,
    has_small_from_here boolean,
    before_without_largest bigint,
    parts_before bigint,
    rests_before bigint
) returns bigint
language sql immutable parallel safe
return case
    when has_small_from_here then null
    when
        has_small
        and least(coalesce(before_without_largest, 0), coalesce(parts_before, 0), coalesce(rests_before, 0)) < 8
        then null
    else reference.disclosed_count(exact)
end;
