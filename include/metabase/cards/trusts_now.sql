/*
Which trust is furthest from its target?

As at the census, the furthest from the target first. A median of 104 weeks means 104 or more.
---
title: Trusts
chart: table
columns:
  trust: {label: Trust}
  pathways: {label: Waiting, format: whole, masked: true}
  within_18_weeks: {label: Within 18 weeks, format: percent, masked: true}
  gap:
    label: Against target
    format: points
    masked: true
    colours: [{when: "<", value: 0, colour: bad}, {when: ">=", value: 0, colour: good}]
  median_weeks: {label: Median wait (weeks), format: decimal, masked: true}
  p92_weeks: {label: 92 in 100 within (weeks), format: decimal, masked: true}
  over_52_weeks: {label: Over 52 weeks, format: whole, masked: true}
  over_65_weeks: {label: Over 65 weeks, format: whole, masked: true}
drill: {dashboard: breaches, set: {trust: trust}}
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
)

select
    k.trust_name as trust,
    k.known_start_count as pathways,
    k.within_18_weeks_rate as within_18_weeks,
    k.within_18_weeks_rate - k.target_rate as gap,
    k.median_weeks,
    k.p92_weeks,
    k.over_52_weeks_count as over_52_weeks,
    k.over_65_weeks_count as over_65_weeks
from shared_marts.mart_breach_kpi as k
where
    k.census_date = (select census_date from as_at)
    and k.level = 'trust'
    and k.trust_sk in (select trust_sk from trusts)
order by gap nulls last, trust
