/*
Do delays, missed and cancelled appointments fall harder on some ages?

The rate of each group with its 95% interval, all trusts together. Intervals that overlap are no evidence of a
difference, those that do not are a question to ask and no finding. Hidden groups are left out.
---
title: By age
chart: row
columns:
  measure: {label: What, role: series}
  patients: {label: Group, role: x}
  rate: {label: Rate, role: y, format: percent, masked: true}
  lower: {label: Lower 95% limit, role: lower, format: percent, masked: true}
  upper: {label: Upper 95% limit, role: upper, format: percent, masked: true}
  trials: {label: Out of, format: whole, masked: true}
empty: All groups are hidden, or nothing has been followed long enough to be counted.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
)

select
    m.label as measure,
    coalesce(g.label, k.group_code) as patients,
    k.event_rate as rate,
    k.rate_lower as lower,
    k.rate_upper as upper,
    k.trial_count as trials
from shared_marts.mart_equity as k
left join marts.dim_code as m on m.domain = 'equity_measure' and k.measure_code = m.code
left join marts.dim_code as g on g.domain = 'age_band' and k.group_code = g.code
where
    k.census_date = (select census_date from as_at)
    and k.dimension = 'age_band'
    and k.event_rate is not null
order by m.sort_order, g.sort_order, patients
