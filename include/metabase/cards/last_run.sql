/*
Did the last run publish?

The newest run of the weekly list; a run that failed leaves the old figures in place.
---
title: Last run
chart: number
columns:
  outcome: {label: Last run, role: y}
  census_date: {label: Census, format: date}
  started_at: {label: Started, format: moment}
empty: There has been no run yet.
*/
select
    case when published_at is null then 'Not published' else 'Published' end as outcome,
    census_date,
    started_at
from shared_marts.pipeline_run
where pipeline = 'waiting_list'
order by started_at desc
limit 1
