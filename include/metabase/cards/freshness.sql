/*
Has every source delivered up to the census?

The newest extract of each source in force, and how many days it lies before the census.
---
title: Freshness of the sources
chart: table
columns:
  source: {label: Source}
  extract_date: {label: Newest extract, format: date}
  days_before:
    label: Days before the census
    format: whole
    colours:
      - {when: ">", value: 7, colour: bad}
      - {when: ">", value: 0, colour: warning}
  delivery: {label: Delivered as}
  rows_delivered: {label: Rows, format: whole, masked: true}
  loaded_at: {label: Loaded, format: moment}
empty: No extract is loaded.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
)

select distinct on (e.source)
    case e.source when 'gp' then 'GPs' else upper(left(e.source, 1)) || substr(e.source, 2) end as source,
    e.extract_date,
    (select census_date from as_at) - e.extract_date as days_before,
    case e.delivery when 'full' then 'all rows' else 'changes' end as delivery,
    e.row_count as rows_delivered,
    e.loaded_at
from shared_marts.pipeline_extract as e
where
    e.source <> 'rtt_published'
    and e.extract_date <= (select census_date from as_at)
order by e.source asc, e.extract_date desc
