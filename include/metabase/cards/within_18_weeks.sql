/*
Are the trusts on their way to the target?

The share within 18 weeks of each trust by census; the thin line is the trajectory, straight between the dates of the
plan. The eight trusts of the choice with the longest lists.
---
title: Within 18 weeks against the trajectory
chart: line
columns:
  census_date: {label: Census, role: x, format: date}
  trust: {label: Trust, role: series}
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
),

largest as (
    select k.trust_sk
    from shared_marts.mart_breach_kpi as k
    where k.census_date = (select census_date from as_at) and k.level = 'trust'
        and k.trust_sk in (select trust_sk from trusts)
    order by k.known_start_count desc nulls last, k.trust_name asc
    limit 8
)

select
    k.census_date,
    k.trust_name as trust,
    case
        when bool_and(k.within_18_weeks_count is not null)
            then round(sum(k.within_18_weeks_count) / nullif(sum(k.known_start_count), 0), 4)
    end as within_18_weeks,
    max(k.target_rate) as trajectory
from shared_marts.mart_breach_kpi as k
where
    k.census_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from largest)
    and case
        when exists (select from specialties)
            then k.treatment_function_code in (select treatment_function_code from specialties)
        else k.level = 'trust'
    end
group by k.census_date, k.trust_name
order by k.census_date, k.trust_name
