/*
Has a critical check failed in the newest run?

Such a run publishes nothing: readers see the old figures until it is mended. With recipients set, Metabase sends an e-mail
each morning as long as there is a row here.
---
title: Critical checks that failed
chart: table
columns:
  pipeline: {label: Pipeline}
  census_date: {label: Census, format: date}
  status: {label: Verdict, colours: [{when: "=", value: Failed, colour: bad}, {when: "=", value: Broken, colour: neutral}]}
  checked: {label: Check}
  reason: {label: Why it matters}
  todo: {label: What to do}
empty: No critical check failed in the newest run.
alert: true
*/
with newest as (
    select distinct on (pipeline)
        pipeline,
        run_id
    from shared_marts.pipeline_check
    order by pipeline asc, validated_at desc
)

select
    case k.pipeline when 'waiting_list' then 'Waiting list' else 'Monthly RTT publication' end as pipeline,
    k.census_date,
    upper(left(k.status, 1)) || substr(k.status, 2) as status,
    k.model || '.' || k.check_id as checked,
    k.reason,
    k.action as todo
from shared_marts.pipeline_check as k
inner join newest as n on k.run_id = n.run_id
where
    k.severity = 'critical'
    and k.status <> 'passed'
order by pipeline, checked
