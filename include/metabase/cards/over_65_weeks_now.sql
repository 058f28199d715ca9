/*
How many have waited over 65 weeks, at the least?

Counts of 1 to 7 of a trust are hidden and cannot be added: the figure is of the trusts that are shown, the rest comes
on top.
---
title: Over 65 weeks, at least
chart: trend
columns:
  census_date: {label: Census, role: x, format: date}
  pathways: {label: Over 65 weeks, role: y, format: whole, masked: true}
  hidden: {label: Trusts hidden, format: whole}
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
        when count(*) = count(k.over_65_weeks_count) or sum(k.over_65_weeks_count) > 0
            then sum(k.over_65_weeks_count)
    end as pathways,
    count(*) - count(k.over_65_weeks_count) as hidden
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
