/*
What is published, and when was it made?

The newest publication of each pipeline: the weekly list, and the monthly figures of NHS England.
---
title: Last publications
chart: table
columns:
  pipeline: {label: Pipeline}
  census_date: {label: Census or month, format: date}
  published_at: {label: Published, format: moment}
  seconds: {label: Seconds of work, format: whole}
empty: Nothing is published yet.
*/
select
    case p.pipeline
        when 'waiting_list' then 'Weekly waiting list'
        when 'rtt_publication' then 'NHS England, monthly'
        else p.pipeline
    end as pipeline,
    p.census_date,
    p.published_at,
    ceil(r.seconds) as seconds
from (
    select distinct on (pipeline)
        pipeline,
        census_date,
        run_id,
        published_at
    from marts.publication
    order by pipeline asc, census_date desc, publication_id desc
) as p
left join shared_marts.pipeline_run as r on p.run_id = r.run_id
order by p.pipeline desc
