/*
Which trusts have somebody over 104 weeks?

A row is bad news.
---
title: Over 104 weeks
chart: table
columns:
  trust: {label: Trust}
empty: None.
alert: true
*/
select k.trust_name as trust
from shared_marts.mart_breach_kpi as k
where k.level = 'trust' and k.over_65_weeks_count > 0
order by trust
