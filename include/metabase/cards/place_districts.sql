/*
From which districts do people wait longest at each site?

The longest mean wait first. The interval tells how far chance alone may have moved a share; medians are blank below 20.
---
title: Districts and sites
chart: table
columns:
  district: {label: District}
  site: {label: Site}
  board: {label: Board}
  decile: {label: Decile, format: whole}
  distance: {label: Distance (km), format: whole}
  pathways: {label: Waiting, format: whole}
  over_18_rate: {label: Over 18 weeks, format: percent, masked: true}
  lower: {label: Lower 95% limit, format: percent, masked: true}
  upper: {label: Upper 95% limit, format: percent, masked: true}
  mean_wait: {label: Mean wait (weeks), format: decimal, masked: true}
  median_weeks: {label: Median (weeks), format: decimal}
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
)

select
    k.postcode_district as district,
    coalesce(k.site_name, 'Unknown site') as site,
    coalesce(k.icb_name, 'Unknown') as board,
    k.mean_imd_decile as decile,
    k.mean_distance_km as distance,
    k.known_start_count as pathways,
    k.over_18_weeks_rate as over_18_rate,
    k.over_18_weeks_lower as lower,
    k.over_18_weeks_upper as upper,
    k.mean_wait_weeks as mean_wait,
    k.median_weeks
from shared_marts.mart_spatial_access as k
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
order by k.mean_wait_weeks desc nulls last, district asc, site asc
