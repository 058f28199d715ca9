/*
Who waits longest?
---
title: Longest waits
chart: table
columns:
  period_sk: {label: Period, format: whole}
  days_waiting: {label: Days, format: whole}
empty: Nobody.
*/
select
    w.period_sk,
    w.wait_days as days_waiting
from marts.fct_waitlist as w
where w.trust_sk in (select trust_sk from marts.dim_trust where true [[and {{trust}}]])
order by w.wait_days desc
limit 20
