/*
One row per part of the return and provider, in the census month or the month before or both, with its two months side
by side: NHS England looks each month for a return that repeats the last one, for sudden jumps in the total or in the
long waiters, and for who sent nothing. Without the month before in the warehouse its columns are null and nothing is
concluded. The rows delivered as totals (C_999) are left out.

---
kind: intermediate
grain: [period_date, rtt_part_code, provider_code]
not_null: [total_all_count]
pipeline: rtt_publication
*/
with
published as (
    select
        rtt_part_code,
        provider_code,
        commissioner_code,
        treatment_function_code,
        band_counts,
        total_all_count,
        is_census_period,
        (select sum(u.n) from unnest(band_counts[53:]) as u (n)) as over_52_weeks_count
    from stg_rtt_published
    where treatment_function_code <> 'C_999'
),

this_month as (
    select
        rtt_part_code,
        provider_code,
        commissioner_code,
        treatment_function_code,
        band_counts,
        total_all_count,
        over_52_weeks_count
    from published
    where is_census_period
),

previous_month as (
    select
        rtt_part_code,
        provider_code,
        commissioner_code,
        treatment_function_code,
        band_counts,
        total_all_count,
        over_52_weeks_count
    from published
    where not is_census_period
),

previous_totals as (
    select
        rtt_part_code,
        provider_code,
        count(*) as row_count,
        sum(total_all_count) as total_all_count,
        sum(over_52_weeks_count) as over_52_weeks_count
    from previous_month
    group by rtt_part_code, provider_code
),

this_totals as (
    select
        t.rtt_part_code,
        t.provider_code,
        count(*) as row_count,
        sum(t.total_all_count) as total_all_count,
        sum(t.over_52_weeks_count) as over_52_weeks_count,
        count(*) filter (
            where t.total_all_count = p.total_all_count and t.band_counts is not distinct from p.band_counts
        ) as repeated_row_count
    from this_month as t
    left join previous_month as p
        on
        t.provider_code = p.provider_code
        and t.commissioner_code = p.commissioner_code
        and t.treatment_function_code = p.treatment_function_code
        and t.rtt_part_code = p.rtt_part_code
    group by t.rtt_part_code, t.provider_code
)

select
    c.census_date as period_date, -- Last day of the month published
    coalesce(t.rtt_part_code, p.rtt_part_code) as rtt_part_code, -- Part of the return
    coalesce(t.provider_code, p.provider_code) as provider_code, -- ODS code of the provider
    coalesce(t.total_all_count, 0)::bigint as total_all_count, -- Pathways this month, unknown starts included; 0: none returned
    p.total_all_count::bigint as previous_total_all_count, -- The same a month before; null when that month holds none or is not loaded
    coalesce(t.over_52_weeks_count, 0)::bigint as over_52_weeks_count, -- Pathways of 365 days and more this month
    case when p.row_count > 0 then coalesce(p.over_52_weeks_count, 0)::bigint end
        as previous_over_52_weeks_count, -- The same a month before
    (t.repeated_row_count = t.row_count and t.row_count = p.row_count)
        as is_identical_to_previous -- Every row is the same as a month before; null when one of the two holds none
from this_totals as t
full join previous_totals as p
    on
    t.rtt_part_code = p.rtt_part_code
    and t.provider_code = p.provider_code
cross join census as c
