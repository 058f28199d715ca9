/*
Is what trusts deliver getting better?

Good of all checked values, by census and kind of quality: the value is there, needed no mending, came in time, agrees
with others. Hidden cells are left out. Rows of all trusts, such as patients, are counted where none is chosen.
---
title: Quality of the data by census
chart: line
columns:
  census_date: {label: Census, role: x, format: date}
  dimension: {label: Kind of quality, role: series, values: [Completeness, Consistency, Timeliness, Validity]}
  good_rate: {label: Good, role: y, format: percent, masked: true}
empty: No census is published for this choice.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select trust_sk
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
    union all
    select -1 as trust_sk
    where
        not exists (
            select from shared_marts.dim_trust
            where false [[or not ({{icb}})]] [[or not ({{trust}})]]
        )
)

select
    k.census_date,
    upper(left(k.quality_dimension, 1)) || substr(k.quality_dimension, 2) as dimension,
    round(
        sum(k.good_count) / nullif(sum(k.checked_count) filter (where k.good_count is not null), 0), 4
    ) as good_rate
from shared_marts.mart_data_quality as k
where
    k.census_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.census_date, k.quality_dimension
order by k.census_date, k.quality_dimension
