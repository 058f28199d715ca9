/*
Where do those who wait live, and where do most wait over 18 weeks?

A circle is a postcode district, as large as the number that wait from there; its shade tells the share over 18 weeks. ◆ is a site. One panel for each board that patients live in. Districts from which few wait are not shown: their name alone would tell. Why
districts differ it does not say: who is referred, for what and where to differs too.
---
title: Waits by district
chart: map
columns:
  board: {label: Board, role: series}
  place: {label: District or site, role: label}
  latitude: {label: Latitude, role: latitude, format: decimal}
  longitude: {label: Longitude, role: longitude, format: decimal}
  pathways: {label: Waiting, role: size, format: whole}
  over_18_rate:
    label: Over 18 weeks
    role: colour
    format: percent
    masked: true
    steps: [0.3, 0.35, 0.4]
  mean_wait: {label: Mean wait (weeks), format: decimal, masked: true}
  decile: {label: Deprivation decile, format: whole}
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

shown as (
    select
        k.postcode_district,
        k.icb_name,
        k.latitude,
        k.longitude,
        k.mean_imd_decile,
        k.site_name,
        k.site_icb_name,
        k.site_latitude,
        k.site_longitude,
        k.known_start_count,
        k.over_18_weeks_count,
        k.mean_wait_weeks
    from shared_marts.mart_spatial_access as k
    where
        k.census_date = (select census_date from as_at)
        and k.trust_sk in (select trust_sk from trusts)
),

rates as (
    select
        s.icb_name as board,
        s.postcode_district as place,
        s.latitude,
        s.longitude,
        sum(s.known_start_count) as pathways,
        sum(s.over_18_weeks_count) as events,
        sum(s.known_start_count) filter (where s.over_18_weeks_count is not null) as trials,
        sum(s.mean_wait_weeks * s.known_start_count) / sum(s.known_start_count) as mean_wait,
        max(s.mean_imd_decile) as decile
    from shown as s
    where s.latitude is not null
    group by s.icb_name, s.postcode_district, s.latitude, s.longitude
)

select
    r.board,
    r.place,
    r.latitude,
    r.longitude,
    r.pathways,
    case when r.events > 0 and r.events < r.trials then r.events / r.trials end as over_18_rate,
    r.mean_wait,
    r.decile
from rates as r
union all
select distinct
    s.site_icb_name as board,
    s.site_name as place,
    s.site_latitude as latitude,
    s.site_longitude as longitude,
    null::numeric as pathways,
    null::numeric as over_18_rate,
    null::numeric as mean_wait,
    null::numeric as decile
from shown as s
where s.site_latitude is not null
order by board asc, pathways desc nulls last, place asc
