/*
Which services lose more bookings or slots than chance explains?

Only what lies above the upper 95% funnel limit is ranked, over the last 26 weeks: not like the others, look into it.
It does not say why. One service in forty is there by chance alone.
---
title: Hotspots
chart: table
columns:
  measure: {label: What}
  rank: {label: Rank, format: whole}
  trust: {label: Trust}
  specialty: {label: Specialty}
  session_type: {label: Sessions}
  rate: {label: Rate, format: percent, masked: true}
  average: {label: Average of all, format: percent, masked: true}
  trials: {label: Out of, format: whole, masked: true}
  position:
    label: Funnel
    colours: [{when: "=", value: Above 99.8%, colour: bad}, {when: "=", value: Above 95%, colour: warning}]
empty: >-
  No service is shown above its limit. Services with under 8 such events are hidden, so this is no all-clear for small
  ones.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select
        trust_sk,
        trust_name
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
),

specialties as (
    select
        treatment_function_code,
        treatment_function_name
    from marts.dim_specialty
    where true [[and {{specialty}}]]
)

select
    m.label as measure,
    k.rank,
    t.trust_name as trust,
    s.treatment_function_name as specialty,
    coalesce(y.label, k.session_type) as session_type,
    k.event_rate as rate,
    k.average_rate as average,
    k.trial_count as trials,
    case k.position when 'above_99_8' then 'Above 99.8%' else 'Above 95%' end as position
from shared_marts.mart_capacity_hotspots as k
inner join trusts as t on k.trust_sk = t.trust_sk
inner join specialties as s on k.treatment_function_code = s.treatment_function_code
left join marts.dim_code as m on m.domain = 'hotspot_measure' and k.measure_code = m.code
left join marts.dim_code as y on y.domain = 'session_type' and k.session_type = y.code
where
    k.census_date = (select census_date from as_at)
    and k.rank is not null
order by m.sort_order, k.rank, trust, specialty
