/*
Which groups differ most from their reference group?

Crude ratio of the rates that are shown; the standardised rate is at one age structure (European Standard Population
2013). The 25 largest differences, reference groups apart: among so many comparisons some differ by chance.
---
title: Largest differences between groups
chart: table
columns:
  measure: {label: What}
  dimension: {label: Grouped by}
  patients: {label: Group}
  reference: {label: Compared with}
  rate: {label: Rate, format: percent, masked: true}
  lower: {label: Lower 95%, format: percent, masked: true}
  upper: {label: Upper 95%, format: percent, masked: true}
  ratio: {label: Ratio, format: decimal, masked: true}
  standardised_rate: {label: Standardised rate, format: percent}
  trials: {label: Out of, format: whole, masked: true}
empty: No group can be compared with its reference; rates of few events are hidden.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
)

select
    m.label as measure,
    d.label as dimension,
    coalesce(g.label, k.group_code) as patients,
    coalesce(h.label, k.reference_group_code) as reference,
    k.event_rate as rate,
    k.rate_lower as lower,
    k.rate_upper as upper,
    round(k.event_rate / r.event_rate, 2) as ratio,
    k.standardised_rate,
    k.trial_count as trials
from shared_marts.mart_equity as k
inner join shared_marts.mart_equity as r
    on k.census_date = r.census_date and k.measure_code = r.measure_code and k.dimension = r.dimension
    and k.reference_group_code = r.group_code
left join marts.dim_code as m on m.domain = 'equity_measure' and k.measure_code = m.code
left join marts.dim_code as d on d.domain = 'equity_dimension' and k.dimension = d.code
left join marts.dim_code as g on k.dimension = g.domain and k.group_code = g.code
left join marts.dim_code as h on k.dimension = h.domain and k.reference_group_code = h.code
where
    k.census_date = (select census_date from as_at)
    and r.census_date = (select census_date from as_at)
    and not k.is_reference
    and k.event_rate / r.event_rate is not null
order by abs(ln(k.event_rate / r.event_rate)) desc, measure asc, dimension asc, patients asc
limit 25
