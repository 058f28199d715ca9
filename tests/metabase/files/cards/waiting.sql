/*
How many wait?
---
title: Waiting
chart: number
columns:
  pathways: {label: Pathways, role: y, format: whole, masked: true}
empty: Nobody waits.
*/
select sum(k.known_start_count) as pathways
from shared_marts.mart_breach_kpi as k
where
    k.level = 'trust'
    and k.trust_sk in (select trust_sk from marts.dim_trust where true [[and {{icb}}]] [[and {{trust}}]])
    and k.census_date in (select census_date from marts.publication where true [[and {{census}}]])
