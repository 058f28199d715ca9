/*
How far do those who wait live from the site that cares for them?

A circle is a postcode district; its shade tells how far it is in a straight line, which is no journey by road or bus. Where a district's
patients wait at several sites it is the mean. ◆ is a site. Districts from which few wait are not shown, and these are often the far ones.
---
title: Distance by district
chart: map
columns:
  board: {label: Board, role: series}
  place: {label: District or site, role: label}
  latitude: {label: Latitude, role: latitude, format: decimal}
  longitude: {label: Longitude, role: longitude, format: decimal}
  pathways: {label: Waiting, role: size, format: whole}
  distance:
    label: Distance (km)
    role: colour
    format: whole
    steps: [10, 20, 40]
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
        k.mean_distance_km,
        k.site_name,
        k.site_icb_name,
        k.site_latitude,
        k.site_longitude,
        k.known_start_count
    from shared_marts.mart_spatial_access as k
    where
        k.census_date = (select census_date from as_at)
        and k.trust_sk in (select trust_sk from trusts)
)

select
    s.icb_name as board,
    s.postcode_district as place,
    s.latitude,
    s.longitude,
    sum(s.known_start_count) as pathways,
    sum(s.mean_distance_km * s.known_start_count)
    / sum(s.known_start_count) filter (where s.mean_distance_km is not null) as distance,
    max(s.mean_imd_decile) as decile
from shown as s
where s.latitude is not null
group by s.icb_name, s.postcode_district, s.latitude, s.longitude
union all
select distinct
    s.site_icb_name as board,
    s.site_name as place,
    s.site_latitude as latitude,
    s.site_longitude as longitude,
    null::numeric as pathways,
    null::numeric as distance,
    null::numeric as decile
from shown as s
where s.site_latitude is not null
order by board asc, pathways desc nulls last, place asc
