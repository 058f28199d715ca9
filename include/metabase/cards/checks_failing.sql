/*
What did not pass at this census, and why does it matter?

In the words of the checks' own suites. A broken check could not be carried out and says nothing of the data.
---
title: Checks that did not pass
chart: table
columns:
  severity:
    label: Severity
    colours:
      - {when: "=", value: Critical, colour: bad}
      - {when: "=", value: Warning, colour: warning}
  status: {label: Verdict}
  checked: {label: Check}
  checked_table: {label: Table}
  reason: {label: Why it matters}
  todo: {label: What to do}
empty: Every check passed.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

last_runs as (
    select distinct on (census_date)
        census_date,
        run_id
    from shared_marts.pipeline_check
    where
        pipeline = 'waiting_list'
        and census_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    order by census_date asc, validated_at desc
)

select
    upper(left(k.severity, 1)) || substr(k.severity, 2) as severity,
    upper(left(k.status, 1)) || substr(k.status, 2) as status,
    upper(left(k.check_id, 1)) || replace(substr(k.check_id, 2), '_', ' ') as checked,
    k.model as checked_table,
    k.reason,
    k.action as todo
from shared_marts.pipeline_check as k
inner join last_runs as r on k.run_id = r.run_id
where
    r.census_date = (select census_date from as_at)
    and k.status <> 'passed'
order by array_position(array['critical', 'warning', 'info'], k.severity), k.status, checked
