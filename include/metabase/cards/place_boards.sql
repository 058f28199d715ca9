/*
How long do those wait who live in each board's area, and how far do they go?

By the integrated care board of the patient's district, from the districts that are shown; means are weighted by pathways.
---
title: By board that patients live in
chart: table
columns:
  board: {label: Board}
  pathways: {label: Waiting, format: whole}
  over_18_rate: {label: Over 18 weeks, format: percent, masked: true}
  mean_wait: {label: Mean wait (weeks), format: decimal, masked: true}
  distance: {label: Mean distance (km), format: whole}
  decile: {label: Mean deprivation decile, format: decimal}
  districts: {label: Districts shown, format: whole}
empty: No district has enough people waiting to be shown.
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

boards as (
    select
        k.icb_name as board,
        sum(k.known_start_count) as pathways,
        sum(k.over_18_weeks_count) as events,
        sum(k.known_start_count) filter (where k.over_18_weeks_count is not null) as trials,
        sum(k.mean_wait_weeks * k.known_start_count) as waits,
        sum(k.mean_distance_km * k.known_start_count) as distances,
        sum(k.known_start_count) filter (where k.mean_distance_km is not null) as placed,
        sum(k.mean_imd_decile * k.known_start_count) as deciles,
        count(distinct k.postcode_district) as districts
    from shared_marts.mart_spatial_access as k
    where
        k.census_date = (select census_date from as_at)
        and k.trust_sk in (select trust_sk from trusts)
        and k.icb_name is not null
    group by k.icb_name
)

select
    b.board,
    b.pathways,
    case when b.events > 0 and b.events < b.trials then b.events / b.trials end as over_18_rate,
    b.waits / b.pathways as mean_wait,
    b.distances / b.placed as distance,
    b.deciles / b.pathways as decile,
    b.districts
from boards as b
order by b.pathways desc, b.board asc
