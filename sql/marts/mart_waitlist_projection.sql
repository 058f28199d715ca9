/*
One row per census, unit and week ahead: list size, share within 18 weeks and pathways over 52 weeks, 26 weeks on. Where will
the list be in half a year if all goes on as lately? Levels: all, trust, function, trust_function; what a unit is not split
by reads ALL (trust_sk -1, all trusts, seen by those it is granted to).

Stock and flow (function next_list): each week the list grows older by a week; as many starts come in as lately; as many are
treated as lately, from the places in the queue that lately were; others leave at their recent rate by weeks waited (by
ranges of weeks, since a single place is too few). The list's mean weekly change counts only so far as it stands out of
its own noise (two standard errors; shrunk by their square over its square): a short run of luck is no trend. Lately is the
last year, or what there is of it (seed projection_setting). No seasonality is claimed, no plan and no extra capacity is in it.

- Interval: recent weeks projected one week ahead miss by so much; misses are taken to add up like a random walk, so the
  interval widens with the root of the weeks. It says nothing of what has not happened lately.
- Back-test: from each past Sunday with enough history before it (at most 26 weeks back) the list of this census is
  projected; backtest_… gives the mean miss over the Sundays that lie so many weeks back, beside the miss of "no change". Of the
  list as known now. Null where the history is too short; then a projection is not proved for these weeks either.
- Who started on the Sunday itself counts with those of the week before; a start unknown stands with the newest.
- Every value is null, with a reason, where fewer than 8 whole weeks are known, or the list is below 20 and too small.

Why it matters: capacity is bought half a year ahead. Held against the published series of England, the list size six
months on is missed by less than by "no change" on average, but not in 2016-2019; on steady synthetic lists it is no
better than "no change" (docs/projection.md). Reviewed with the seed, yearly.

---
kind: snapshot
grain: [census_date, level, trust_sk, treatment_function_code, weeks_ahead]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
not_null: [week_end_date, history_weeks]
readers: clinical
owner: Head of performance
disclosure:
  counts: [list_size_now]
  only: {level: [trust]}
  values:
    list_size: list_size_now
    list_size_lower: list_size_now
    list_size_upper: list_size_now
    within_18_weeks_rate: list_size_now
    within_18_weeks_rate_lower: list_size_now
    within_18_weeks_rate_upper: list_size_now
  shown:
    - week_end_date
    - trust_name
    - history_weeks
    - reason_not_projected
    - backtest_miss_rate
    - backtest_no_change_miss_rate
*/
with recursive
settings as (
    select
        s.history_weeks,
        s.minimum_weeks,
        s.horizon_weeks,
        s.interval_z
    from ref_projection_setting as s
),

lists as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        greatest(l.wait_week, 1) as wait_week,
        l.open_count,
        l.entered_count,
        l.treated_next_week_count as treated_count,
        l.removed_next_week_count as removed_count
    from int_weekly_list as l
),

trust_starts as (
    select
        l.trust_id,
        min(l.week_end_date) as first_sunday
    from lists as l
    group by l.trust_id
),

unit_starts as (
    select
        t.trust_id,
        t.first_sunday
    from trust_starts as t
    union all
    select
        'ALL' as trust_id,
        max(t.first_sunday) as first_sunday
    from trust_starts as t
),

totals as (
    select
        l.week_end_date,
        coalesce(l.trust_id, 'ALL') as trust_id,
        coalesce(l.treatment_function_code, 'ALL') as treatment_function_code,
        l.wait_week,
        sum(l.open_count)::bigint as open_count,
        sum(l.entered_count)::bigint as entered_count,
        sum(l.treated_count)::bigint as treated_count,
        sum(l.removed_count)::bigint as removed_count
    from lists as l
    group by grouping sets (
        (l.week_end_date, l.wait_week),
        (l.week_end_date, l.wait_week, l.trust_id),
        (l.week_end_date, l.wait_week, l.treatment_function_code),
        (l.week_end_date, l.wait_week, l.trust_id, l.treatment_function_code)
    )
),

-- A total over trusts is one only from when every trust delivers. Units are numbered: all that follows is joined by the
-- number, for text takes far longer to compare.
unit_weeks as materialized (
    select
        dense_rank() over (order by t.trust_id, t.treatment_function_code)::integer as unit_no,
        t.*
    from totals as t
    where t.trust_id <> 'ALL' or t.week_end_date >= (select max(s.first_sunday) from trust_starts as s)
),

-- Ranges of weeks waited that are alike: the first weeks, up to 18, up to 52, and beyond.
places as (
    select
        g.place as wait_week,
        case
            when g.place <= 6 then 0
            when g.place <= 12 then 1
            when g.place <= 18 then 2
            when g.place <= 26 then 3
            when g.place <= 39 then 4
            when g.place <= 52 then 5
            else 6
        end as range_no
    from generate_series(1, 105) as g (place)
),

unit_ranges as materialized (
    select
        w.unit_no,
        w.week_end_date,
        p.range_no,
        sum(w.open_count)::bigint as open_count,
        sum(w.entered_count)::bigint as entered_count,
        sum(w.treated_count)::bigint as treated_count,
        sum(w.removed_count)::bigint as removed_count
    from unit_weeks as w
    inner join places as p on w.wait_week = p.wait_week
    group by w.unit_no, w.week_end_date, p.range_no
),

actual as materialized (
    select
        w.unit_no,
        w.week_end_date,
        sum(w.open_count) as list_size,
        coalesce(sum(w.open_count) filter (where w.range_no <= 2), 0) / nullif(sum(w.open_count), 0)
            as within_18_weeks_rate,
        coalesce(sum(w.open_count) filter (where w.range_no = 6), 0) as over_52_weeks,
        sum(w.entered_count) as entered_count
    from unit_ranges as w
    group by w.unit_no, w.week_end_date
),

units as materialized (
    select
        w.unit_no,
        w.trust_id,
        w.treatment_function_code,
        s.first_sunday,
        coalesce(sum(w.open_count) filter (where w.week_end_date = c.census_date), 0) as open_count,
        (c.census_date - s.first_sunday) / 7 as whole_weeks
    from unit_weeks as w
    cross join census as c
    inner join unit_starts as s on w.trust_id = s.trust_id
    group by w.unit_no, w.trust_id, w.treatment_function_code, s.first_sunday, c.census_date
),

first_origins as (
    select
        u.unit_no,
        u.first_sunday,
        s.history_weeks,
        s.minimum_weeks,
        c.census_date,
        c.census_date - 7 * case when u.treatment_function_code = 'ALL' then s.horizon_weeks else 7 end as first_origin
    from units as u
    cross join census as c
    cross join settings as s
    where u.open_count >= 20
),

-- Where projections begin: this census; and for the back-test of all and of trusts, Sundays up to half a year back.
origins as (
    select
        f.unit_no,
        g.day::date as origin_date,
        f.minimum_weeks,
        least(f.history_weeks, (g.day::date - f.first_sunday) / 7) as history_weeks
    from first_origins as f
    cross join lateral generate_series(f.first_origin, f.census_date, interval '7 days') as g (day)
),

ready as (
    select
        o.unit_no,
        o.origin_date,
        o.history_weeks
    from origins as o
    where o.history_weeks >= o.minimum_weeks
),

range_rates as (
    select
        r.unit_no,
        r.origin_date,
        r.history_weeks,
        w.range_no,
        sum(w.treated_count) as treated_count,
        coalesce(sum(w.treated_count) / nullif(sum(w.open_count), 0), 0) as treat_rate,
        coalesce(sum(w.removed_count) / nullif(sum(w.open_count), 0), 0) as removal_rate
    from ready as r
    inner join unit_ranges as w
        on
        r.unit_no = w.unit_no
        and w.week_end_date >= r.origin_date - 7 * r.history_weeks
        and w.week_end_date < r.origin_date
    group by r.unit_no, r.origin_date, r.history_weeks, w.range_no
),

treated as materialized (
    select
        r.unit_no,
        r.origin_date,
        sum(r.treated_count) / max(r.history_weeks) as treated_a_week
    from range_rates as r
    group by r.unit_no, r.origin_date
),

-- The weekly change of the list lately, and how sure it is: a change within its own noise is taken for none.
changes as (
    select
        w.unit_no,
        w.week_end_date,
        w.entered_count,
        w.list_size - lag(w.list_size) over (partition by w.unit_no order by w.week_end_date) as change
    from actual as w
),

lately as materialized (
    select
        r.unit_no,
        r.origin_date,
        avg(c.change) * least(4 * var_samp(c.change) / count(*) / nullif(avg(c.change) ^ 2, 0), 1) as noise_drift,
        sum(c.entered_count) / max(r.history_weeks) as entered_a_week
    from ready as r
    inner join changes as c
        on
        r.unit_no = c.unit_no
        and c.week_end_date > r.origin_date - 7 * r.history_weeks
        and c.week_end_date <= r.origin_date
    group by r.unit_no, r.origin_date
),

-- The list at each origin, places where nobody waits included: added up, since a join of both by place is slow.
stocked as (
    select
        x.unit_no,
        x.origin_date,
        x.wait_week,
        sum(x.open_count) as open_count
    from (
        select
            r.unit_no,
            r.origin_date,
            w.wait_week,
            w.open_count
        from ready as r
        inner join unit_weeks as w on r.unit_no = w.unit_no and r.origin_date = w.week_end_date
        union all
        select
            r.unit_no,
            r.origin_date,
            p.wait_week,
            0 as open_count
        from ready as r
        cross join places as p
    ) as x
    group by x.unit_no, x.origin_date, x.wait_week
),

begun as materialized (
    select
        s.unit_no,
        s.origin_date,
        array_agg(s.open_count order by s.wait_week) as stock,
        array_agg(coalesce(x.treat_rate, 0) order by s.wait_week) as treat_rates,
        array_agg(coalesce(x.removal_rate, 0) order by s.wait_week) as removal_rates
    from stocked as s
    inner join places as p on s.wait_week = p.wait_week
    left join range_rates as x
        on s.unit_no = x.unit_no and s.origin_date = x.origin_date and p.range_no = x.range_no
    group by s.unit_no, s.origin_date
),

-- How far each projection goes: the census's all the way, the others to the next Sunday (for the interval) and, of all
-- and of trusts, to this census (for the back-test).
starting as materialized (
    select
        b.unit_no,
        b.origin_date,
        b.stock,
        b.treat_rates,
        b.removal_rates,
        greatest(t.treated_a_week + coalesce(l.noise_drift, 0), 0) as treated_a_week,
        l.entered_a_week,
        a.list_size as origin_list_size,
        case
            when b.origin_date = c.census_date then s.horizon_weeks
            when u.treatment_function_code = 'ALL' then (c.census_date - b.origin_date) / 7
            else 1
        end as last_step
    from begun as b
    cross join census as c
    cross join settings as s
    inner join units as u on b.unit_no = u.unit_no
    inner join treated as t on b.unit_no = t.unit_no and b.origin_date = t.origin_date
    inner join lately as l on b.unit_no = l.unit_no and b.origin_date = l.origin_date
    left join actual as a on b.unit_no = a.unit_no and b.origin_date = a.week_end_date
),

stepping as (
    select
        s.unit_no,
        s.origin_date,
        0 as step_no,
        s.stock,
        s.treat_rates,
        s.removal_rates,
        s.treated_a_week,
        s.entered_a_week,
        s.origin_list_size,
        s.last_step
    from starting as s
    union all
    select
        s.unit_no,
        s.origin_date,
        s.step_no + 1 as step_no,
        next_list(s.stock, s.treat_rates, s.removal_rates, s.treated_a_week, s.entered_a_week) as stock,
        s.treat_rates,
        s.removal_rates,
        s.treated_a_week,
        s.entered_a_week,
        s.origin_list_size,
        s.last_step
    from stepping as s
    where s.step_no < s.last_step
),

projected as materialized (
    select
        s.unit_no,
        s.origin_date,
        s.step_no,
        s.origin_date + 7 * s.step_no as target_date,
        s.origin_list_size,
        x.list_size,
        x.within_18_weeks / nullif(x.list_size, 0) as within_18_weeks_rate,
        x.over_52_weeks
    from stepping as s
    cross join lateral (
        select
            sum(v.n) as list_size,
            sum(v.n) filter (where v.place <= 18) as within_18_weeks,
            sum(v.n) filter (where v.place > 52) as over_52_weeks
        from unnest(s.stock) with ordinality as v (n, place)
    ) as x
),

misses as (
    select
        p.unit_no,
        p.step_no,
        count(*) as origin_count,
        sqrt(avg((p.list_size - a.list_size) ^ 2)) as list_size_miss,
        sqrt(avg((p.within_18_weeks_rate - a.within_18_weeks_rate) ^ 2)) as rate_miss,
        sqrt(avg((p.over_52_weeks - a.over_52_weeks) ^ 2)) as over_52_weeks_miss,
        avg(abs(p.list_size - a.list_size) / nullif(a.list_size, 0)) as relative_miss,
        avg(abs(p.origin_list_size - a.list_size) / nullif(a.list_size, 0)) as no_change_miss
    from projected as p
    inner join actual as a on p.unit_no = a.unit_no and p.target_date = a.week_end_date
    where p.step_no > 0 and p.origin_list_size is not null
    group by p.unit_no, p.step_no
),

ahead as (
    select
        u.unit_no,
        u.trust_id,
        u.treatment_function_code,
        u.open_count,
        u.whole_weeks,
        c.census_date,
        c.census_date + 7 * g.weeks_ahead as week_end_date,
        g.weeks_ahead,
        s.history_weeks,
        s.minimum_weeks,
        s.interval_z
    from units as u
    cross join census as c
    cross join settings as s
    cross join lateral generate_series(1, s.horizon_weeks) as g (weeks_ahead)
),

joined as (
    select
        h.*,
        p.list_size,
        p.within_18_weeks_rate,
        p.over_52_weeks,
        m.origin_count,
        m.relative_miss,
        m.no_change_miss,
        case when o.origin_count >= 3 then h.interval_z * o.list_size_miss * sqrt(h.weeks_ahead::numeric) end as list_reach,
        case when o.origin_count >= 3 then h.interval_z * o.rate_miss * sqrt(h.weeks_ahead::numeric) end as rate_reach,
        case when o.origin_count >= 3 then h.interval_z * o.over_52_weeks_miss * sqrt(h.weeks_ahead::numeric) end as over_52_reach
    from ahead as h
    left join projected as p
        on h.unit_no = p.unit_no and h.census_date = p.origin_date and h.weeks_ahead = p.step_no
    left join misses as m on h.unit_no = m.unit_no and h.weeks_ahead = m.step_no
    left join misses as o on h.unit_no = o.unit_no and o.step_no = 1
),

trusts as (
    select
        t.trust_id,
        t.trust_sk,
        t.trust_name
    from dim_trust as t
)

select
    j.census_date, -- Sunday the projection begins at
    case
        when j.trust_id = 'ALL' and j.treatment_function_code = 'ALL' then 'all'
        when j.trust_id = 'ALL' then 'function'
        when j.treatment_function_code = 'ALL' then 'trust'
        else 'trust_function'
    end as level, -- What is projected: all, function, trust or trust_function
    t.trust_sk, -- The trust; -1 all trusts, 0 unknown
    j.treatment_function_code, -- Treatment function; ALL
    j.weeks_ahead, -- Weeks after the census
    j.week_end_date, -- Sunday that is projected
    t.trust_name, -- Name of the trust
    j.open_count::bigint as list_size_now, -- On the list at the census
    round(j.list_size, 1) as list_size, -- Pathways on the list then; null with a reason
    round(greatest(j.list_size - j.list_reach, 0), 1) as list_size_lower, -- Lower end of the interval
    round(j.list_size + j.list_reach, 1) as list_size_upper, -- Upper end of the interval
    round(j.within_18_weeks_rate, 4) as within_18_weeks_rate, -- Share within 18 weeks then
    round(greatest(j.within_18_weeks_rate - j.rate_reach, 0), 4) as within_18_weeks_rate_lower, -- Lower end
    round(least(j.within_18_weeks_rate + j.rate_reach, 1), 4) as within_18_weeks_rate_upper, -- Upper end
    round(j.over_52_weeks, 1) as over_52_weeks, -- Pathways over 52 weeks then
    round(greatest(j.over_52_weeks - j.over_52_reach, 0), 1) as over_52_weeks_lower, -- Lower end
    round(j.over_52_weeks + j.over_52_reach, 1) as over_52_weeks_upper, -- Upper end
    least(j.whole_weeks, j.history_weeks)::integer as history_weeks, -- Weeks of the recent past that it rests on
    case
        when j.whole_weeks < j.minimum_weeks
            then 'history of ' || j.whole_weeks || ' whole weeks is shorter than ' || j.minimum_weeks
        when j.open_count < 20 then 'fewer than 20 pathways on the list'
    end as reason_not_projected, -- Why there is no projection; null where there is one
    j.origin_count::integer as backtest_origin_count, -- Past Sundays whose list so many weeks on is known; null for none
    round(j.relative_miss, 6) as backtest_miss_rate, -- Mean miss of the list size so many weeks on, as a share of it
    round(j.no_change_miss, 6) as backtest_no_change_miss_rate -- The same had one said "no change"
from joined as j
left join trusts as t on j.trust_id = t.trust_id
