/*
Which trust is furthest from its target?
---
title: Trusts now
chart: table
columns:
  trust: {label: Trust}
  within_18_weeks: {label: Within 18 weeks, format: percent, colours: [{when: "<", value: 0.65, colour: bad}]}
drill: {dashboard: trusts, set: {trust: trust}}
empty: None.
*/
select
    k.trust_name as trust,
    k.within_18_weeks_rate as within_18_weeks
from shared_marts.mart_breach_kpi as k
where
    k.level = 'trust'
    and k.trust_sk in (select trust_sk from marts.dim_trust where true [[and {{icb}}]] [[and {{trust}}]])
order by trust
