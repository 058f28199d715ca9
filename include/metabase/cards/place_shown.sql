/*
How much of the list is on this page?

Pathways of the districts that are shown, of all with a known start. The rest live where few wait, mostly far away: means of
distance are somewhat short for it.
---
title: Of the list, shown by district
chart: number
columns:
  share: {label: Shown, role: y, format: percent, masked: true}
  shown: {label: Pathways shown, format: whole}
  waiting: {label: Waiting, format: whole, masked: true}
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

lists as (
    select sum(k.known_start_count) as waiting
    from shared_marts.mart_breach_kpi as k
    where
        k.census_date = (select census_date from as_at)
        and k.level = 'trust'
        and k.trust_sk in (select trust_sk from trusts)
),

districts as (
    select coalesce(sum(d.known_start_count), 0) as shown
    from shared_marts.mart_spatial_access as d
    where
        d.census_date = (select census_date from as_at)
        and d.trust_sk in (select trust_sk from trusts)
)

select
    least(d.shown / l.waiting, 1) as share,
    d.shown,
    l.waiting
from lists as l
cross join districts as d
where l.waiting > 0
