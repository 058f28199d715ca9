/*
Is the share within 18 weeks on its way to the target?
---
title: Within 18 weeks
chart: line
columns:
  census_date: {label: Census, role: x, format: date}
  within_18_weeks: {label: Within 18 weeks, role: y, format: percent, masked: true}
  target: {label: Target, role: target, format: percent}
drill: {dashboard: breaches, set: {census: census_date}}
empty: None.
*/
select
    k.census_date,
    avg(k.within_18_weeks_rate) as within_18_weeks,
    avg(k.target_rate) as target
from shared_marts.mart_breach_kpi as k
where
    k.level = 'trust'
    and k.trust_sk in (select trust_sk from marts.dim_trust where true [[and {{trust}}]])
group by k.census_date
order by k.census_date
