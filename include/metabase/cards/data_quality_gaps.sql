/*
Where does what trusts deliver fall short of its target?

The 25 largest gaps at the census. A low rate of few rows is few rows: look at the number checked. Rows of all trusts,
such as patients, are shown where none is chosen.
---
title: Furthest from the target
chart: table
columns:
  trust: {label: Trust}
  source: {label: Source}
  measure: {label: What a good row is}
  good_rate: {label: Good, format: percent, masked: true}
  target: {label: Target, format: percent}
  gap:
    label: Against target
    format: points
    colours:
      - {when: "<", value: -0.1, colour: bad}
      - {when: "<", value: 0, colour: warning}
  checked: {label: Checked, format: whole, masked: true}
empty: Everything that is shown reaches its target.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select
        trust_sk,
        trust_name
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
    union all
    select
        -1 as trust_sk,
        'All trusts' as trust_name
    where
        not exists (
            select from shared_marts.dim_trust
            where false [[or not ({{icb}})]] [[or not ({{trust}})]]
        )
)

select
    t.trust_name as trust,
    upper(left(k.source, 1)) || substr(k.source, 2) as source,
    coalesce(c.label, k.measure_code) as measure,
    k.good_rate,
    k.target_rate as target,
    k.good_rate - k.target_rate as gap,
    k.checked_count as checked
from shared_marts.mart_data_quality as k
inner join trusts as t on k.trust_sk = t.trust_sk
left join marts.dim_code as c on c.domain = 'quality_measure' and k.source || '.' || k.measure_code = c.code
where
    k.census_date = (select census_date from as_at)
    and k.good_rate < k.target_rate
    and k.checked_count > 0
order by gap, trust, source, measure
limit 25
