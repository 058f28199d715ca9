/*
Which faults of which extract are rows set aside for?

By extract, newest first; what stood in the rows is for the sender alone.
---
title: Quarantine by extract and fault
chart: table
columns:
  extract_date: {label: Extract, format: date}
  source: {label: Source}
  field: {label: Column}
  fault: {label: Fault}
  set_aside: {label: Rows set aside, format: whole, masked: true}
  waiting: {label: Not mended since, format: whole, masked: true}
empty: No row was ever set aside.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
)

select
    q.extract_date,
    upper(left(q.source, 1)) || replace(substr(q.source, 2), '_', ' ') as source,
    case q.column_name when 'record' then 'the whole row' else replace(q.column_name, '_', ' ') end as field,
    replace(q.rule, '_', ' ') as fault,
    q.row_count as set_aside,
    q.waiting_count as waiting
from shared_marts.pipeline_quarantine as q
where q.extract_date between (select census_date - 182 from as_at) and (select census_date from as_at)
order by q.extract_date desc, source asc, field asc, fault asc
