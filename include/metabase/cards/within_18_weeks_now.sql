/*
What share of the list is within 18 weeks now?

Of pathways with a known clock start. The target is the trajectory's at this census.
---
title: Within 18 weeks
chart: trend
columns:
  census_date: {label: Census, role: x, format: date}
  within_18_weeks: {label: Within 18 weeks, role: y, format: percent, masked: true}
  trajectory: {label: Trajectory, role: target, format: percent}
empty: No census is published for this choice.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select trust_sk
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
),

specialties as (
    select treatment_function_code
    from marts.dim_specialty
    where false [[or {{specialty}}]]
)

select
    k.census_date,
    case
        when bool_and(k.within_18_weeks_count is not null)
            then round(sum(k.within_18_weeks_count) / nullif(sum(k.known_start_count), 0), 4)
    end as within_18_weeks,
    round(avg(k.target_rate), 4) as trajectory
from shared_marts.mart_breach_kpi as k
where
    k.census_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
    and case
        when exists (select from specialties)
            then k.treatment_function_code in (select treatment_function_code from specialties)
        else k.level = 'trust'
    end
group by k.census_date
order by k.census_date
