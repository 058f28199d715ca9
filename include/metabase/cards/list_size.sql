/*
How many pathways wait, and is the list growing?

Open RTT pathways with a known clock start, by census, as published. Each trust's figure is rounded to the nearest 5
before they are added up.
---
title: List size
chart: trend
columns:
  census_date: {label: Census, role: x, format: date}
  pathways: {label: Pathways waiting, role: y, format: whole, masked: true}
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
    case when bool_and(k.known_start_count is not null) then sum(k.known_start_count) end as pathways
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
