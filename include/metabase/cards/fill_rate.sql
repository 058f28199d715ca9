/*
What share of the planned slots was filled?

Slots in which a patient was seen, of those planned, by week.
---
title: Fill rate
chart: trend
columns:
  week_end_date: {label: Week to, role: x, format: date}
  fill_rate: {label: Fill rate, role: y, format: percent, masked: true}
empty: No week of sessions is delivered for this choice.
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
)

select
    k.week_end_date,
    case
        when bool_and(k.filled_count is not null)
            then round(sum(k.filled_count) / nullif(sum(k.planned_count), 0), 4)
    end as fill_rate
from shared_marts.fct_capacity_audit as k
where
    k.week_end_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.week_end_date
having bool_or(k.planned_count is not null)
order by k.week_end_date
