/*
Do those who live further away, or in more deprived districts, wait over 18 weeks more often?

Over 18 weeks of those with a known start, with the 95% interval, from the districts that are shown. Deprivation is the
district's (illustrative), not the patient's, whose own decile the page on risk and equity counts by. Intervals that overlap are no
evidence of a difference; distance and deprivation go together in places, and neither is shown free of the other.
---
title: By distance and by deprivation
chart: row
columns:
  measure: {label: By, role: series}
  place: {label: Group, role: x}
  rate: {label: Over 18 weeks, role: y, format: percent, masked: true}
  lower: {label: Lower 95% limit, role: lower, format: percent, masked: true}
  upper: {label: Upper 95% limit, role: upper, format: percent, masked: true}
  pathways: {label: Waiting, format: whole}
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
        k.distance_band,
        k.mean_distance_km,
        k.mean_imd_decile,
        k.known_start_count,
        k.over_18_weeks_count
    from shared_marts.mart_spatial_access as k
    where
        k.census_date = (select census_date from as_at)
        and k.trust_sk in (select trust_sk from trusts)
        and k.over_18_weeks_count is not null
),

grouped as (
    select
        x.measure,
        x.place,
        x.sort_order,
        sum(s.known_start_count)::numeric as n,
        sum(s.over_18_weeks_count)::numeric as e
    from shown as s
    cross join
        lateral (
            values
            (
                'Straight line to the site',
                case s.distance_band
                    when 'UNKNOWN' then 'Unknown'
                    else upper(left(s.distance_band, 1)) || substr(s.distance_band, 2)
                end,
                coalesce(width_bucket(s.mean_distance_km, array[0, 5, 10, 20]::numeric[]), 9)
            ),
            (
                'Deprivation of the district (fifth)',
                case ceil(s.mean_imd_decile / 2)
                    when 1 then '1 (most deprived)'
                    when 5 then '5 (least deprived)'
                    else coalesce(ceil(s.mean_imd_decile / 2)::integer::text, 'Unknown')
                end,
                10 + coalesce(ceil(s.mean_imd_decile / 2)::integer, 9)
            )
        ) as x (measure, place, sort_order)
    group by x.measure, x.place, x.sort_order
)

select
    g.measure,
    g.place,
    case when g.e > 0 and g.e < g.n then g.e / g.n end as rate,
    case
        when g.e > 0 and g.e < g.n
            then (2 * g.e + 3.8416 - 1.96 * sqrt(3.8416 + 4 * g.e * (1 - g.e / g.n))) / (2 * (g.n + 3.8416))
    end as lower,
    case
        when g.e > 0 and g.e < g.n
            then (2 * g.e + 3.8416 + 1.96 * sqrt(3.8416 + 4 * g.e * (1 - g.e / g.n))) / (2 * (g.n + 3.8416))
    end as upper,
    g.n as pathways
from grouped as g
order by g.sort_order
