/*
How long has each trust's list waited?

As at the census. Where the number over 52 weeks is hidden, all over 18 weeks are shown as one.
---
title: The list by length of wait
chart: stacked
columns:
  trust: {label: Trust, role: x}
  band:
    label: Length of wait
    role: series
    values: [Over 52 weeks, 18 to 52 weeks, "Over 18 weeks, not split", Within 18 weeks]
  pathways: {label: Pathways, role: y, format: whole, masked: true}
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

lists as (
    select
        k.trust_name as trust,
        sum(k.known_start_count) as known_starts,
        case when bool_and(k.within_18_weeks_count is not null) then sum(k.within_18_weeks_count) end as within_18,
        case when bool_and(k.over_52_weeks_count is not null) then sum(k.over_52_weeks_count) end as over_52
    from shared_marts.mart_breach_kpi as k
    where
        k.census_date = (select census_date from as_at)
        and k.trust_sk in (select trust_sk from trusts)
        and case
            when exists (select from specialties)
                then k.treatment_function_code in (select treatment_function_code from specialties)
            else k.level = 'trust'
        end
    group by k.trust_name
)

select
    l.trust,
    b.band,
    b.pathways
from lists as l
cross join
    lateral (
        values
        (1, 'Over 52 weeks', l.over_52),
        (2, '18 to 52 weeks', l.known_starts - l.within_18 - l.over_52),
        (3, 'Over 18 weeks, not split', case when l.over_52 is null then l.known_starts - l.within_18 end),
        (4, 'Within 18 weeks', l.within_18)
    ) as b (place, band, pathways)
where b.pathways is not null or b.place < 3
order by b.place asc, l.known_starts desc, l.trust asc
