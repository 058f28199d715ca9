/*
Do checks fail more often than they did?

Checks that did not pass in the last run of each census, by severity. A critical one stops the publication, a warning
is reported.
---
title: Checks that did not pass, by census
chart: stacked
columns:
  census_date: {label: Census, role: x, format: date}
  severity: {label: Severity, role: series, values: [Critical, Warning, Info]}
  checks: {label: Checks, role: y, format: whole}
empty: No run has been checked yet.
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
    r.census_date,
    s.severity,
    count(*) filter (where k.status <> 'passed') as checks
from last_runs as r
cross join (values (1, 'Critical', 'critical'), (2, 'Warning', 'warning'), (3, 'Info', 'info')) as s (place, severity, code)
left join shared_marts.pipeline_check as k on r.run_id = k.run_id and s.code = k.severity
group by r.census_date, s.severity, s.place
order by r.census_date, s.place
