/*
Is the number over 52 weeks falling, and where?

By census, of the eight trusts of the choice with most of them. A gap in a line is a hidden number, from 1 to 7.
---
title: Over 52 weeks by week
chart: line
columns:
  census_date: {label: Census, role: x, format: date}
  trust: {label: Trust, role: series}
  over_52_weeks: {label: Over 52 weeks, role: y, format: whole, masked: true}
  over_65_weeks: {label: Over 65 weeks, format: whole, masked: true}
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

most as (
    select k.trust_sk
    from shared_marts.mart_breach_kpi as k
    where k.census_date = (select census_date from as_at) and k.level = 'trust'
        and k.trust_sk in (select trust_sk from trusts)
    order by k.over_52_weeks_count desc nulls last, k.trust_name asc
    limit 8
)

select
    k.census_date,
    k.trust_name as trust,
    sum(k.over_52_weeks_count) as over_52_weeks,
    sum(k.over_65_weeks_count) as over_65_weeks
from shared_marts.mart_breach_kpi as k
where
    k.census_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from most)
    and case
        when exists (select from specialties)
            then k.treatment_function_code in (select treatment_function_code from specialties)
        else k.level = 'trust'
    end
group by k.census_date, k.trust_name
order by k.census_date, k.trust_name
